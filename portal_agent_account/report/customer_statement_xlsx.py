import io

import xlsxwriter

from odoo import api, models
from odoo.tools.misc import format_date


class CustomerStatement(models.AbstractModel):
    _inherit = "report.portal_agent_account.report_statement"

    @api.model
    def _render_xlsx(self, customer, options=None):
        """Return a customer's statement as an Excel file, in the customer's language.

        :param customer: single ``res.partner``
        :param dict options: see :meth:`_get_options`
        :return: content of the file
        :rtype: bytes
        :raise AccessError: see :meth:`_get_report_values`
        """
        report = self.with_context(lang=customer.lang or self.env.lang)
        values = report._get_report_values(customer.ids, options)
        file = io.BytesIO()
        workbook = xlsxwriter.Workbook(file, {"in_memory": True})
        for number, balance in enumerate(values["statements"][customer.commercial_partner_id.id]):
            sheet = workbook.add_worksheet(balance["currency"].name)
            report._write_xlsx_sheet(workbook, sheet, customer, values["options"], balance)
            if not number:
                sheet.activate()
        if not workbook.worksheets():
            report._write_xlsx_heading(workbook, workbook.add_worksheet(), customer, values["options"])
        workbook.close()
        return file.getvalue()

    @api.model
    def _write_xlsx_sheet(self, workbook, sheet, customer, options, balance):
        """Write the sheet of one currency.

        :param workbook: Excel file
        :param sheet: sheet of the currency
        :param customer: single ``res.partner``
        :param dict options: see :meth:`_get_options`
        :param dict balance: see :meth:`_get_balance`
        """
        decimals = "0" * balance["currency"].decimal_places
        formats = {
            "title": workbook.add_format({"bold": True}),
            "date": workbook.add_format({"num_format": "yyyy-mm-dd"}),
            "amount": workbook.add_format({"num_format": f"#,##0.{decimals}" if decimals else "#,##0"}),
        }
        row = self._write_xlsx_heading(workbook, sheet, customer, options) + 1
        columns = self._get_xlsx_entry_columns() if options["date_from"] else self._get_xlsx_line_columns()
        records = self._get_xlsx_entries(options, balance) if options["date_from"] else balance["lines"]
        sheet.write_row(row, 0, [title for title, _name, _kind in columns], formats["title"])
        for record in records:
            row += 1
            for column, (_title, name, kind) in enumerate(columns):
                self._write_xlsx_cell(sheet, formats, row, column, kind, record.get(name))
        self._write_xlsx_ages(sheet, formats, row + 2, balance)
        sheet.set_column(0, len(columns), 18)

    @api.model
    def _write_xlsx_heading(self, workbook, sheet, customer, options):
        """Write the heading of a sheet.

        :return: number of the first row below the heading
        :rtype: int
        """
        days = [format_date(self.env, day) for day in (options["date_from"], options["date_to"]) if day]
        sheet.write_string(0, 0, customer.display_name, workbook.add_format({"bold": True}))
        sheet.write_string(1, 0, self.env.company.name)
        sheet.write_string(2, 0, " – ".join(days))
        return 3

    @api.model
    def _get_xlsx_line_columns(self):
        """Return the columns of a statement of open items.

        :return: title, key of the line and type of the value
        :rtype: list[tuple[str, str, str]]
        """
        return [
            (self.env._("Number"), "number", "text"),
            (self.env._("Type"), "label", "text"),
            (self.env._("Date"), "date", "date"),
            (self.env._("Due date"), "date_due", "date"),
            (self.env._("Days overdue"), "days_overdue", "number"),
            (self.env._("Amount"), "amount", "amount"),
            (self.env._("Open amount"), "amount_due", "amount"),
        ]

    @api.model
    def _get_xlsx_entry_columns(self):
        """Return the columns of a statement of a period.

        :return: title, key of the entry and type of the value
        :rtype: list[tuple[str, str, str]]
        """
        return [
            (self.env._("Date"), "date", "date"),
            (self.env._("Number"), "number", "text"),
            (self.env._("Type"), "label", "text"),
            (self.env._("Amount"), "amount", "amount"),
            (self.env._("Balance"), "balance", "amount"),
        ]

    @api.model
    def _get_xlsx_entries(self, options, balance):
        """Return the entries of a period, with the opening balance first and the closing balance last.

        :rtype: list[dict]
        """
        before = {"label": self.env._("Balance before"), "balance": balance["balance_before"]}
        after = {"label": self.env._("Balance after"), "balance": balance["balance_after"]}
        return [
            before | {"date": options["date_from"]},
            *balance["entries"],
            after | {"date": options["date_to"]},
        ]

    @api.model
    def _write_xlsx_ages(self, sheet, formats, row, balance):
        labels = [*self.env["portal.agent.dashboard"]._get_age_labels(), self.env._("Total")]
        sheet.write_row(row, 0, labels, formats["title"])
        for column, amount in enumerate((*balance["ages"], balance["amount_due"])):
            sheet.write_number(row + 1, column, amount, formats["amount"])

    @api.model
    def _write_xlsx_cell(self, sheet, formats, row, column, kind, value):
        if kind == "date" and value:
            sheet.write_datetime(row, column, value, formats["date"])
        elif kind == "amount" and value is not None:
            sheet.write_number(row, column, value, formats["amount"])
        elif kind == "number" and value:
            sheet.write_number(row, column, value)
        elif kind == "text" and value:
            sheet.write_string(row, column, value)
