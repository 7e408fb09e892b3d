import io

from reportlab.lib.units import mm
from reportlab.pdfgen import canvas

from odoo import api, models
from odoo.tools.pdf import PdfFileReader, PdfFileWriter

STATEMENT = "portal_agent_account.report_statement"
HEIGHT, FONT, FONT_SIZE = 10 * mm, "Helvetica", 9


class IrActionsReport(models.Model):
    _inherit = "ir.actions.report"

    @api.model
    def _run_wkhtmltopdf(self, bodies, report_ref=False, *args, **options):
        """Number the pages of a statement if wkhtmltopdf doesn't print the footer with the page numbers."""
        content = super()._run_wkhtmltopdf(bodies, report_ref, *args, **options)
        if not report_ref or self._get_report(report_ref).report_name != STATEMENT:
            return content
        return content if self.env[f"report.{STATEMENT}"]._has_header() else number_pages(content)


def number_pages(content):
    """Write "1 / 3" at the bottom of each page of a PDF.

    It contains only numbers, because the standard PDF fonts support neither Arabic nor Polish.

    :param bytes content: content of the PDF
    :return: content of the PDF with page numbers
    :rtype: bytes
    """
    pages = PdfFileReader(io.BytesIO(content), strict=False).pages
    numbers = PdfFileReader(io.BytesIO(_draw_numbers(pages)), strict=False).pages
    writer = PdfFileWriter()
    for page, number in zip(pages, numbers, strict=True):
        page.mergePage(number)
        writer.addPage(page)
    with io.BytesIO() as buffer:
        writer.write(buffer)
        return buffer.getvalue()


def _draw_numbers(pages):
    """Return a PDF with only the page numbers, on pages of the same sizes.

    :rtype: bytes
    """
    with io.BytesIO() as buffer:
        drawing = canvas.Canvas(buffer)
        for number, page in enumerate(pages, start=1):
            width, height = (float(side) for side in page.mediaBox[2:])
            drawing.setPageSize((width, height))
            drawing.setFont(FONT, FONT_SIZE)
            drawing.drawCentredString(width / 2, HEIGHT, f"{number} / {len(pages)}")
            drawing.showPage()
        drawing.save()
        return buffer.getvalue()
