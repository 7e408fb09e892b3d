import csv
import functools
import io
import re
import tempfile
from datetime import date

import xlsxwriter

from odoo import fields
from odoo.exceptions import UserError

from .totals import Amount

# Characters that spreadsheets read as the start of a formula: those that Odoo's export escapes, and the same after
# spaces, "@", and full-width characters. Phone numbers are excluded: digits and separators are harmless.
_FORMULA_RE = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")
_PHONE_RE = re.compile(r"\s*\+[\d\s().\-/]*")


XLSX_MIMETYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class ListExport:
    """A file with the whole list, across all its pages, without a limit on its size.

    The file is written to disk while its rows are read in batches, and sent afterwards, so that memory use doesn't grow
    with its size. The rows are not streamed for three reasons: the agent's record rules only apply during the request;
    a slow download would block a database cursor; and an error halfway through would look like the end of the file.

    :cvar int batch_size: number of records to read at once
    :cvar int xlsx_rows: maximum number of rows of a sheet
    """

    batch_size = 1_000
    xlsx_rows = 1_048_576

    def __init__(self, context, agent_list):
        self.env = context.env
        self.list = agent_list

    def get_formats(self):
        """Return the formats to which a list can be exported.

        :return: by extension, the function that writes the file and the MIME type
        :rtype: dict
        """
        return {
            "csv": (self.write_csv, "text/csv;charset=utf-8"),
            "xlsx": (self.write_xlsx, XLSX_MIMETYPE),
        }

    def get_name(self, extension):
        """Return the name of the downloaded file.

        :param str extension: extension of one of the formats
        :rtype: str
        """
        day = fields.Date.to_string(fields.Date.context_today(self.env.user))
        names = (self.list.get_title(), self.list.customer.display_name, day)
        return f"{' - '.join(filter(None, names))}.{extension}"

    def write_file(self, file, extension):
        """Write all records of the list to a file.

        :param file: binary file
        :param str extension: extension of one of the formats
        :raise UserError: if the list doesn't fit into the format
        """
        write, _mimetype = self.get_formats()[extension]
        write(file, self.list.search_all())

    def get_rows(self, records):
        """Return the rows of the file. They are read in batches, which are not kept in memory.

        :param records: records to export
        :return: rows of values, column titles first
        :rtype: Iterator[list]
        """
        columns = self.list.columns()
        yield [title for title, _get_value in columns]
        for batch in self.list.read_batches(records, self.batch_size):
            for record in batch:
                yield [get_value(record) for _title, get_value in columns]

    def write_csv(self, file, records):
        """Write a CSV file with a byte order mark, so that spreadsheets detect the encoding.

        :param file: binary file
        :param records: records to export
        """
        text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
        writer = csv.writer(text, quoting=csv.QUOTE_ALL)
        for row in self.get_rows(records):
            writer.writerow([self.get_csv_cell(value) for value in row])
        text.detach()

    def get_csv_cell(self, value):
        """Return the value of a cell, escaped so that no spreadsheet reads it as a formula.

        :param value: text, ``Amount``, number, date, ``None`` or ``False``
        """
        if value is None or value is False:
            return ""
        if isinstance(value, Amount):
            # Rounded as on the pages. The sum turns a negative zero into zero.
            return f"{value.currency.round(value.value) + 0.0:.{value.currency.decimal_places}f}"
        if isinstance(value, str) and _FORMULA_RE.match(value) and not _PHONE_RE.fullmatch(value):
            return f"'{value}"
        return value

    def write_xlsx(self, file, records):
        """Write an Excel file with typed cells for numbers, dates and text.

        :param file: binary file
        :param records: records to export
        :raise UserError: if a sheet has too few rows
        """
        if len(records) >= self.xlsx_rows:
            raise UserError(
                self.env._(
                    "This list has %(count)s lines, more than an Excel sheet has room for. Please export it as CSV.",
                    count=len(records),
                )
            )
        with tempfile.TemporaryDirectory() as folder:
            workbook = xlsxwriter.Workbook(file, {"constant_memory": True, "tmpdir": folder})
            self._write_sheet(workbook, self.get_rows(records))
            workbook.close()

    def _write_sheet(self, workbook, rows):
        sheet = workbook.add_worksheet()
        formats = SheetFormats(workbook)
        sheet.set_column(0, 20, 18)
        sheet.freeze_panes(1, 0)
        for number, row in enumerate(rows):
            for column, value in enumerate(row):
                self._write_cell(sheet, formats, number, column, value)

    def _write_cell(self, sheet, formats, row, column, value):
        if isinstance(value, Amount):
            sheet.write_number(row, column, value.value, formats.get_amount(value.currency.decimal_places))
        elif isinstance(value, date):
            sheet.write_datetime(row, column, value, formats.day)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            sheet.write_number(row, column, value)
        elif value:
            sheet.write_string(row, column, value, None if row else formats.title)


class SheetFormats:
    """The cell formats of an Excel file."""

    def __init__(self, workbook):
        self.title = workbook.add_format({"bold": True})
        self.day = workbook.add_format({"num_format": "yyyy-mm-dd"})
        self.get_amount = functools.cache(
            lambda decimals: workbook.add_format({"num_format": f"#,##0.{'0' * decimals}" if decimals else "#,##0"})
        )
