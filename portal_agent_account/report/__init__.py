from . import account_invoice_report
from . import customer_statement
from . import customer_statement_xlsx
from . import customer_statement_unmatched
from . import page_numbers
from . import sale_report
