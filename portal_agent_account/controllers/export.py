import csv
import io
from datetime import date

import xlsxwriter
from werkzeug.exceptions import NotFound

from odoo.http import content_disposition, request, route

from .base import AGENT_PAGE
from .customers import PortalAgentCustomers

# What spreadsheets take for the beginning of a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class PortalAgentExport(PortalAgentCustomers):
    """Lists as files: everything that a list shows over all its pages."""

    _portal_agent_export_limit = 100_000
    _portal_agent_export_batch = 1_000

    @route("/my/agent/<any(customers,quotations,orders,invoices):name>/export", **AGENT_PAGE)
    def portal_agent_export(self, name, **values):
        """Export a list as it is searched, filtered and sorted."""
        agent_list = self._get_portal_agent_lists()[name]()
        customer = self._get_portal_agent_customer(values)
        write = self._get_portal_agent_export_formats().get(str(values.get("format", "csv")))
        if not write:
            raise NotFound()
        content, extension, mimetype = write(self._get_portal_agent_export_rows(agent_list, customer, values))
        return request.make_response(
            content,
            headers=[
                ("Content-Type", mimetype),
                ("Content-Disposition", content_disposition(f"{agent_list.title}.{extension}")),
                ("X-Content-Type-Options", "nosniff"),
            ],
        )

    def _get_portal_agent_lists(self):
        """Return the lists that can be exported.

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

        :return: functions by the name in the address
        :rtype: dict
        """
        return {"csv": self._write_portal_agent_csv, "xlsx": self._write_portal_agent_xlsx}

    def _get_portal_agent_export_rows(self, agent_list, customer, values):
        """Return the rows of an export, read in batches that are forgotten when they are written.

        :param AgentList agent_list: what is exported
        :param customer: the selected customer, a ``res.partner`` of one record or none
        :param dict values: the parameters of the request
        :return: rows of values, the titles first
        :rtype: Iterator[list]
        """
        state = agent_list.read_state(values, customer)
        records = agent_list.model.search(
            agent_list.get_domain(state, customer),
            order=agent_list.get_order(state),
            limit=self._portal_agent_export_limit,
        )
        columns = agent_list.columns()
        yield [title for title, _get_value in columns]
        for start in range(0, len(records), self._portal_agent_export_batch):
            batch = agent_list.model.browse(records[start : start + self._portal_agent_export_batch].ids)
            for record in batch:
                yield [get_value(record) for _title, get_value in columns]
            batch.env.invalidate_all(flush=False)

    def _write_portal_agent_csv(self, rows):
        """Write a CSV file, which every spreadsheet reads with the right letters.

        :param rows: rows of values
        :return: content, extension and MIME type
        :rtype: tuple[bytes, str, str]
        """
        output = io.StringIO()
        writer = csv.writer(output, quoting=csv.QUOTE_ALL)
        for row in rows:
            writer.writerow([self._get_portal_agent_csv_cell(value) for value in row])
        return output.getvalue().encode("utf-8-sig"), "csv", "text/csv;charset=utf-8"

    def _get_portal_agent_csv_cell(self, value):
        """Return a cell that no spreadsheet takes for a formula.

        :param value: text, a number, a day or nothing
        """
        if value is None or value is False:
            return ""
        if isinstance(value, str) and value.lstrip().startswith(_FORMULA_STARTS):
            return f"'{value}"
        return value

    def _write_portal_agent_xlsx(self, rows):
        """Write an Excel file: numbers are numbers, days are days and text is text.

        :param rows: rows of values
        :return: content, extension and MIME type
        :rtype: tuple[bytes, str, str]
        """
        output = io.BytesIO()
        workbook = xlsxwriter.Workbook(output, {"constant_memory": True, "in_memory": False})
        sheet = workbook.add_worksheet()
        formats = {
            "title": workbook.add_format({"bold": True}),
            "day": workbook.add_format({"num_format": "yyyy-mm-dd"}),
            "number": workbook.add_format({"num_format": "#,##0.00"}),
        }
        sheet.set_column(0, 20, 18)
        sheet.freeze_panes(1, 0)
        for number, row in enumerate(rows):
            for column, value in enumerate(row):
                self._write_portal_agent_xlsx_cell(sheet, formats, number, column, value)
        workbook.close()
        return (
            output.getvalue(),
            "xlsx",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        )

    def _write_portal_agent_xlsx_cell(self, sheet, formats, row, column, value):
        if isinstance(value, date):
            sheet.write_datetime(row, column, value, formats["day"])
        elif isinstance(value, int) and not isinstance(value, bool):
            sheet.write_number(row, column, value)
        elif isinstance(value, float):
            sheet.write_number(row, column, value, formats["number"])
        elif value:
            sheet.write_string(row, column, value, None if row else formats["title"])
