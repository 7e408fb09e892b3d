"""The classes behind the agent's pages. They are plain classes; the controllers create instances for each request.

``PortalAgent._get_portal_agent_pages`` lists them. Other addons add or replace classes there.
"""

from .context import PageContext
from .customers import CustomerList, CustomerPage
from .dashboard import DashboardPage
from .documents import DocumentList, DocumentPage
from .export import ListExport
from .invoices import InvoiceList, InvoicePage
from .list_page import ListPage
from .listing import AgentList
from .orders import OrderList, OrderPage, QuotationList
from .page import AgentPage
from .products import ProductList, ProductListPage
from .selector import CustomerSelector
