import base64
from contextlib import contextmanager
from unittest.mock import patch

from odoo.tests import tagged

from odoo.addons.base.models.ir_actions_report import IrActionsReport

from .common import PortalAgentPagesCommon
from .test_invitation_secrets import make_pdf

SIGNATURE = base64.b64encode(
    base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
)


@tagged("post_install", "-at_install", "once")
class TestSignature(PortalAgentPagesCommon):
    """Agents don't see the customer's signature."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.order.write(
            {"signature": SIGNATURE, "signed_by": "Quincy the Signatory", "signed_on": "2026-01-02 03:04:05"}
        )
        cls.own_order.write(
            {"signature": SIGNATURE, "signed_by": "Ann the Signatory", "signed_on": "2026-01-02 03:04:05"}
        )
        cls.env.flush_all()

    @contextmanager
    def _see_what_is_printed(self):
        printed = []
        with (
            patch.object(IrActionsReport, "get_wkhtmltopdf_state", lambda report: "ok"),
            patch.object(
                IrActionsReport,
                "_run_wkhtmltopdf",
                lambda report, bodies, *args, **kwargs: printed.extend(map(str, bodies)) or make_pdf("printed"),
            ),
            patch.object(IrActionsReport, "_render_qweb_pdf", self._force_printing(IrActionsReport._render_qweb_pdf)),
        ):
            yield printed

    def _force_printing(self, render):
        return lambda report, *args, **kwargs: render(report.with_context(force_report_rendering=True), *args, **kwargs)

    def test_agent_sees_no_signature_of_a_customer(self):
        page = self._get(f"/my/agent/orders/{self.order.id}").text
        self.assertIn("QUILL-ORDER", page)
        with self._see_what_is_printed() as printed:
            self.assertEqual(self._get(f"/my/agent/orders/{self.order.id}", report_type="pdf").status_code, 200)
        self.assertIn("QUILL-ORDER", "".join(printed))
        for text in (page, "".join(printed)):
            self.assertNotIn("Signatory", text)
            self.assertNotIn(SIGNATURE.decode()[:40], text)

    def test_signer_sees_the_own_signature(self):
        """Check that the test above can fail."""
        page = self._get(f"/my/orders/{self.own_order.id}").text
        with self._see_what_is_printed() as printed:
            self.assertEqual(self._get(f"/my/orders/{self.own_order.id}", report_type="pdf").status_code, 200)
        for text in (page, "".join(printed)):
            self.assertIn("Ann the Signatory", text)
            self.assertIn("data:image/", text)
