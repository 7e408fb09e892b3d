from . import auth_signup
from . import portal_invitation
from . import portal_join
from . import website_sale
