from . import portal_invitation_report
