import csv
import io
import re
import tempfile
from contextlib import ExitStack
from datetime import date

import xlsxwriter
from werkzeug.exceptions import NotFound
from werkzeug.wsgi import FileWrapper

from odoo.exceptions import UserError
from odoo.http import Response, content_disposition, request, route

from .base import AGENT_PAGE
from .customers import PortalAgentCustomers

# What spreadsheets take for the beginning of a formula: in a cell, or behind what some of them, by the
# country they are set to, take for the end of a cell. Where letters come in full width, these do too.
_SIGN = r"[=+\-@\uff1d\uff0b\uff0d\uff20]"
_FORMULA_RE = re.compile(rf'(^(?=[\s"]*{_SIGN})|[;,\t|\r\n](?=(?:[^\S\t\r\n]|")*{_SIGN}))')


class PortalAgentExport(PortalAgentCustomers):
    """Lists as files: everything that a list shows over all its pages, however much that is.

    A file is written to disk while its rows are read in batches, and sent from there: what it takes in
    memory does not grow with it. It is not sent while it is read. The agent's record rules count for
    the length of the request only; a phone that downloads slowly would keep a cursor to itself; and
    what goes wrong in the middle would look like the end of the file.
    """

    _portal_agent_export_batch = 1_000
    _portal_agent_xlsx_rows = 1_048_576

    @route("/my/agent/<string:name>/export", **AGENT_PAGE)
    def portal_agent_export(self, name, **values):
        """Export a list as it is searched, filtered and sorted."""
        extension = str(values.get("format", "csv"))
        if name not in self._get_portal_agent_lists() or extension not in self._get_portal_agent_export_formats():
            raise NotFound()
        agent_list = self._get_portal_agent_lists()[name]()
        customer = self._get_portal_agent_customer(values)
        write, mimetype = self._get_portal_agent_export_formats()[extension]
        records = self._search_portal_agent_export(agent_list, customer, values)
        with ExitStack() as stack:
            file = stack.enter_context(tempfile.TemporaryFile())
            write(file, records, agent_list.columns())
            response = self._send_portal_agent_file(file, f"{agent_list.title}.{extension}", mimetype)
            stack.pop_all()  # from here on the response closes the file, when it is sent
            return response

    def _send_portal_agent_file(self, file, name, mimetype):
        """Answer with a file, which is sent piece by piece and closed after that.

        :param file: a binary file, which stands at its end
        :param str name: how the browser calls it
        :param str mimetype: what it is
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

    def _get_portal_agent_lists(self):
        """Return the lists that can be exported. Who adds a list extends it.

        :return: functions by the name in the address
        :rtype: dict
        """
        return {
            "customers": self._get_portal_agent_customer_list,
            "quotations": self._get_portal_agent_quotation_list,
            "orders": self._get_portal_agent_order_list,
            "invoices": self._get_portal_agent_invoice_list,
        }

    def _get_portal_agent_export_formats(self):
        """Return the formats that a list can be exported in.

        :return: functions that write a file of it, and its MIME type, by the name in the address
        :rtype: dict
        """
        return {
            "csv": (self._write_portal_agent_csv, "text/csv;charset=utf-8"),
            "xlsx": (
                self._write_portal_agent_xlsx,
                "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            ),
        }

    def _search_portal_agent_export(self, agent_list, customer, values):
        """Return everything that a list shows, on whatever page.

        :param AgentList agent_list: what is exported
        :param customer: the selected customer, a ``res.partner`` of one record or none
        :param dict values: the parameters of the request
        """
        state = agent_list.read_state(values, customer)
        found = agent_list.model._among_all_customers(customer)._search(
            agent_list.get_domain(state, customer), order=agent_list.get_order(state)
        )
        return agent_list.model.browse(found)

    def _get_portal_agent_export_rows(self, records, columns):
        """Return the rows of an export, read in batches that are forgotten when they are written.

        :param records: what is exported
        :param list columns: titles, and functions from a record to a value
        :return: rows of values, the titles first
        :rtype: Iterator[list]
        """
        yield [title for title, _get_value in columns]
        for start in range(0, len(records), self._portal_agent_export_batch):
            batch = records.browse(records._ids[start : start + self._portal_agent_export_batch])
            for record in batch:
                yield [get_value(record) for _title, get_value in columns]
            batch.env.invalidate_all(flush=False)

    def _write_portal_agent_csv(self, file, records, columns):
        """Write a CSV file, which every spreadsheet reads with the right letters.

        :param file: a binary file
        :param records: what is exported
        :param list columns: titles, and functions from a record to a value
        """
        text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
        writer = csv.writer(text, quoting=csv.QUOTE_ALL)
        for row in self._get_portal_agent_export_rows(records, columns):
            writer.writerow([self._get_portal_agent_csv_cell(value) for value in row])
        text.detach()

    def _get_portal_agent_csv_cell(self, value):
        """Return a cell that no spreadsheet takes for a formula.

        :param value: text, a number, a day or nothing
        """
        if value is None or value is False:
            return ""
        return _FORMULA_RE.sub(r"\1'", value) if isinstance(value, str) else value

    def _write_portal_agent_xlsx(self, file, records, columns):
        """Write an Excel file: numbers are numbers, days are days and text is text.

        :param file: a binary file
        :param records: what is exported
        :param list columns: titles, and functions from a record to a value
        :raise UserError: for more than a sheet has room for
        """
        if len(records) >= self._portal_agent_xlsx_rows:
            raise UserError(
                request.env._(
                    "This list has %(count)s lines, more than an Excel sheet has room for. Please export it as CSV.",
                    count=len(records),
                )
            )
        with tempfile.TemporaryDirectory() as folder:
            workbook = xlsxwriter.Workbook(file, {"constant_memory": True, "tmpdir": folder})
            self._write_portal_agent_xlsx_sheet(workbook, self._get_portal_agent_export_rows(records, columns))
            workbook.close()

    def _write_portal_agent_xlsx_sheet(self, workbook, rows):
        sheet = workbook.add_worksheet()
        formats = {
            "title": workbook.add_format({"bold": True}),
            "day": workbook.add_format({"num_format": "yyyy-mm-dd"}),
            # a third decimal where the currency has one
            "number": workbook.add_format({"num_format": "#,##0.00#"}),
        }
        sheet.set_column(0, 20, 18)
        sheet.freeze_panes(1, 0)
        for number, row in enumerate(rows):
            for column, value in enumerate(row):
                self._write_portal_agent_xlsx_cell(sheet, formats, number, column, value)

    def _write_portal_agent_xlsx_cell(self, sheet, formats, row, column, value):
        if isinstance(value, date):
            sheet.write_datetime(row, column, value, formats["day"])
        elif isinstance(value, int) and not isinstance(value, bool):
            sheet.write_number(row, column, value)
        elif isinstance(value, float):
            sheet.write_number(row, column, value, formats["number"])
        elif value:
            sheet.write_string(row, column, value, None if row else formats["title"])
