from . import auth_signup
from . import website_sale
