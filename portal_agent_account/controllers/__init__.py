from . import portal
from . import documents
from . import export
from . import my_agents
from . import weekly_mail
