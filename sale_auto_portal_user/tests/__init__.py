from . import test_accounts
from . import test_community_addons
from . import test_confirmation_page
from . import test_failures
from . import test_invitations
from . import test_queries
from . import test_settings
from . import test_tour
