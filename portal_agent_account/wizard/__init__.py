from . import portal_agent_access
from . import portal_agent_assign
from . import portal_agent_hand_over
from . import portal_wizard_user
from . import base_partner_merge
