from . import account_invoice_report
from . import customer_statement
from . import sale_report
