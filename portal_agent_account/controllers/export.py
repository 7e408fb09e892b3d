import tempfile
from contextlib import ExitStack

from werkzeug.exceptions import NotFound
from werkzeug.wsgi import FileWrapper

from odoo.http import Response, content_disposition, route

from ..pages import AgentList
from .export_lock import answer_export_busy, take_export_lock
from .portal import AGENT_PAGE, PortalAgent


class PortalAgentExport(PortalAgent):
    """The route for exporting a list."""

    @route("/my/agent/<string:name>/export", **AGENT_PAGE)
    def portal_agent_export(self, name, **values):
        """Export a list with the current search, filter and sort order."""
        context = self._make_portal_agent_context(values)
        list_class = context.classes.get(name)
        if not (isinstance(list_class, type) and issubclass(list_class, AgentList)):
            raise NotFound()
        export = context.make("export", context.make(name))
        extension, formats = str(values.get("format", "csv")), export.get_formats()
        if extension not in formats:
            raise NotFound()
        _write, mimetype = formats[extension]
        if not take_export_lock():
            return answer_export_busy()
        with ExitStack() as stack:
            file = stack.enter_context(tempfile.TemporaryFile())
            export.write_file(file, extension)
            response = self._send_portal_agent_file(file, export.get_name(extension), mimetype)
            stack.pop_all()  # the response closes the file after sending it
            return response

    def _send_portal_agent_file(self, file, name, mimetype):
        """Return a response that sends a file in chunks and closes it.

        :param file: binary file, positioned at its end
        :param str name: name of the downloaded file
        :param str mimetype: MIME type of the file
        :rtype: Response
        """
        size = file.tell()
        file.seek(0)
        return Response(
            FileWrapper(file),
            headers=[
                ("Content-Type", mimetype),
                ("Content-Length", size),
                ("Content-Disposition", content_disposition(name)),
                ("X-Content-Type-Options", "nosniff"),
            ],
            direct_passthrough=True,
        )
