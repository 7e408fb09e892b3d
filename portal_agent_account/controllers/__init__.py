from . import base
from . import customers
from . import dashboard
from . import export
from . import invoices
from . import orders
from . import selector
