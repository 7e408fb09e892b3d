from urllib.parse import urlencode

from odoo.http import request, route

from odoo.addons.sale.controllers.portal import CustomerPortal
from odoo.addons.web.controllers.home import Home
from odoo.addons.website_sale.controllers.main import WebsiteSale

from ..models.portal_join_mail import LINK_PATH, SAMPLE_PATH
from .private_page import get_session_order, protect

JOIN_PATH = "/my/guest-orders"
# Destination of the sign-in from the confirmation page, which requests that the order joins the account.
SESSION_PATH = f"{JOIN_PATH}/session"
# Destination of a link whose owner has no password yet and therefore can't sign in.
INVITATION_PATH = f"{JOIN_PATH}/invitation"
JOIN_PAGE = {"type": "http", "auth": "user", "website": True, "sitemap": False, "portal_account": True}
PUBLIC_PAGE = {**JOIN_PAGE, "auth": "public"}
# Allowed values of the parameter ``outcome``, which selects the message on the page.
OUTCOMES = ("busy", "declined", "other_account", "refused", "sample", "sent", "unproved", "void")


def get_session_guest_order():
    """Return the guest order that was placed in this browser session.

    :return: order in superuser mode, empty if there is none
    :rtype: sale.order record
    """
    return get_session_order().filtered(lambda order: order.website_id and order.state in ("sent", "sale"))


class LoginJoin(Home):
    def _login_redirect(self, uid, redirect=None):
        """Join the order that was placed in this session, once its owner has signed in from the confirmation page.

        The sign-in is a ``POST`` request with a CSRF token, and its destination shows that joining was requested. Other
        ways to sign in, e.g. with an OAuth provider, lead to a page with a button instead.
        """
        if redirect == SESSION_PATH and request.httprequest.method == "POST" and request.session.uid:
            redirect = self._join_session_order()
        return super()._login_redirect(uid, redirect=redirect)

    def _join_session_order(self):
        """Join the order that was placed in this session.

        :return: path of the page that displays the result
        :rtype: str
        """
        order_sudo, user = get_session_guest_order(), request.env.user
        # Users of companies are first informed that their colleagues will see the order.
        if not order_sudo or user._has_portal_colleagues():
            return JOIN_PATH
        outcome = request.env["sale.portal.join"]._join_by_session(order_sudo, user)
        return order_sudo.access_url if outcome == "joined" else f"{JOIN_PATH}?{urlencode({'outcome': outcome})}"


class ConfirmationJoin(WebsiteSale):
    def _prepare_shop_payment_confirmation_values(self, order):
        """Offer to sign in to every guest whose order created no account, so as not to reveal who has an account."""
        values = super()._prepare_shop_payment_confirmation_values(order)
        order_sudo = order.sudo()
        is_guest_order = (
            request.env.user._is_public()
            and get_session_guest_order() == order_sudo
            and not order_sudo.is_user_created
            and order_sudo.company_id.auto_portal_user_join
        )
        values["portal_join_url"] = is_guest_order and f"/web/login?{urlencode({'redirect': SESSION_PATH})}"
        return values


class PortalJoin(CustomerPortal):
    """Pages on which the owner of an account adds guest orders to it. Only ``POST`` requests change data."""

    # ---- Odoo's portal pages

    @route()
    def home(self, **kw):
        """Offer guest orders until they have joined or are declined."""
        response = super().home(**kw)
        if hasattr(response, "qcontext"):
            response.qcontext["has_portal_join_offers"] = self._has_portal_join_offers()
        return response

    def _get_page_view_values(self, document, access_token, values, *args, **kwargs):
        """Display on an order that it has joined, and offer earlier orders."""
        values = super()._get_page_view_values(document, access_token, values, *args, **kwargs)
        if document._name == "sale.order" and not request.env.user._is_public():
            join_sudo = document.sudo().partner_id.portal_join_id
            values["portal_join"] = join_sudo.filtered(lambda join: join.user_id == request.env.user)
            values["has_portal_join_offers"] = self._has_portal_join_offers()
        return values

    def _prepare_address_data(self, partner_sudo, **kwargs):
        """Exclude joined contacts from the owner's address book."""
        values = super()._prepare_address_data(partner_sudo, **kwargs)
        for name in ("billing_addresses", "delivery_addresses"):
            values[name] = values[name].filtered(lambda address: not address.portal_join_id)
        return values

    # ---- the link in the mail

    @route(f"{LINK_PATH}/<string:token>", methods=["GET"], **PUBLIC_PAGE)
    def portal_join_link(self, token, **kwargs):
        """Move the link's token to the session, so that no URL discloses it, and redirect to the sign-in page."""
        join_sudo = request.env["sale.portal.join"]._find_portal_join_by_token(token)
        if not join_sudo:
            outcome = "sample" if SAMPLE_PATH.endswith(f"/{token}") else "void"
            return protect(self._redirect_portal_join(outcome))
        request.session["portal_join_token"] = token
        if request.env.user._is_public():
            if join_sudo.user_id._needs_portal_password():
                return protect(request.redirect(INVITATION_PATH))
            query = {"login": join_sudo.user_id.login, "redirect": JOIN_PATH}
            return protect(request.redirect(f"/web/login?{urlencode(query)}"))
        return protect(self._redirect_portal_join())

    @route(INVITATION_PATH, methods=["GET"], **PUBLIC_PAGE)
    def portal_join_invitation(self, **kwargs):
        """Offer the owner of an account without a password another invitation."""
        return self._render_portal_join_invitation()

    @route(INVITATION_PATH, methods=["POST"], **PUBLIC_PAGE)
    def portal_join_resend_invitation(self, **kwargs):
        """Send the invitation again to the address that the link in this session was mailed to."""
        return self._render_portal_join_invitation(resend=True)

    @route(SESSION_PATH, methods=["GET"], **JOIN_PAGE)
    def portal_join_session(self, **kwargs):
        """Redirect users who signed in without Odoo's form to the page."""
        return self._redirect_portal_join()

    # ---- the page for guest orders

    @route(JOIN_PATH, methods=["GET"], **JOIN_PAGE)
    def portal_join(self, outcome=None, **kwargs):
        """Display the guest orders on offer, or redirect to the link's order if it has joined and none are on offer."""
        values = self._prepare_portal_join_values(outcome)
        order_sudo = self._get_joined_link_order()
        if order_sudo and not values["guests"] and not values["outcome"]:
            request.session.pop("portal_join_token")
            return protect(request.redirect(order_sudo.access_url))
        return protect(request.render("sale_auto_portal_user.portal_join", values))

    @route(JOIN_PATH, methods=["POST"], **JOIN_PAGE)
    def portal_join_submit(self, decline=None, **kwargs):
        """Join the selected orders, or decline all orders on the page."""
        joins, join_sudo = request.env["sale.portal.join"], self._get_portal_join_link()
        offers_sudo = self._get_portal_join_offers_by_proof()
        if decline:
            guests_sudo = request.env["res.partner"].sudo().union(*offers_sudo.values())
            joins._decline_portal_joins(request.env.user, self._filter_posted_portal_guests(guests_sudo, "shown"))
            request.session.pop("portal_join_token", None)
            return self._redirect_portal_join("declined")
        ticked_sudo = self._get_ticked_portal_guests(offers_sudo)
        outcome = self._join_ticked_portal_guests(ticked_sudo, offers_sudo, join_sudo)
        if not ticked_sudo or outcome != "joined":
            return self._redirect_portal_join(outcome if ticked_sudo else None)
        request.session.pop("portal_join_token", None)
        return request.redirect(ticked_sudo[0]._get_portal_guest_orders()[:1].access_url)

    @route(f"{JOIN_PATH}/send", methods=["POST"], **JOIN_PAGE)
    def portal_join_send(self, **kwargs):
        """Send the link again. The response doesn't reveal whether there was anything to send."""
        request.env["sale.portal.join"]._send_portal_join_links(request.env.user, get_session_guest_order() or None)
        return self._redirect_portal_join("sent")

    # ---- helpers

    def _render_portal_join_invitation(self, resend=False):
        """Render a page for the owner of an account without a password, or redirect to the page for guest orders.

        :param bool resend: whether to send the invitation
        :rtype: Response
        """
        join_sudo = self._find_portal_join_link()
        if not join_sudo or not join_sudo.user_id._needs_portal_password():
            return protect(self._redirect_portal_join())
        is_sent = resend and join_sudo._get_or_create_portal_invitation()._resend_to_customer()
        values = {
            "page_name": "guest_orders",
            "invitation_email": join_sudo.email,
            "invitation_shop": join_sudo._get_portal_shop().name,
            "may_resend": join_sudo._can_resend_portal_invitation(),
        }
        template = "portal_invitation_resent" if is_sent else "portal_join_invitation"
        return protect(request.render(f"sale_auto_portal_user.{template}", values))

    def _find_portal_join_link(self):
        """Return the record of the link in this session, regardless of the account that it was sent to.

        :return: record in superuser mode, can be empty
        :rtype: sale.portal.join record
        """
        joins = request.env["sale.portal.join"]
        token = request.session.get("portal_join_token")
        return joins._find_portal_join_by_token(token) if token else joins.sudo()

    def _get_portal_join_link(self):
        """Return the record of the link in this session if it was sent to the current user.

        :return: record in superuser mode, ``None`` if there is no link or it belongs to another account
        :rtype: sale.portal.join record or None
        """
        return self._find_portal_join_link().filtered(lambda join: join.user_id == request.env.user) or None

    def _get_joined_link_order(self):
        """Return the order of the link in this session if it has joined the current user's account.

        :return: order in superuser mode, can be empty
        :rtype: sale.order record
        """
        join_sudo = self._find_portal_join_link()
        return join_sudo.filtered(
            lambda join: join.user_id == request.env.user and join.partner_id.portal_join_id
        ).order_id

    def _get_portal_join_offers_by_proof(self):
        """Return the guest contacts that the user may add, by the proof that they belong to the user.

        The proofs are ``link`` (the link in this session), ``mailbox`` (an earlier link) and ``session`` (the order
        was placed in this session).

        :return: contacts in superuser mode by proof; each contact appears once
        :rtype: dict[str, res.partner]
        """
        joins, user = request.env["sale.portal.join"], request.env.user
        join_sudo = self._get_portal_join_link()
        by_mailbox = joins._get_portal_join_offers(user)
        by_link = joins._get_portal_join_offers(user, join_sudo) if join_sudo else by_mailbox.browse()
        by_link = by_link.filtered(lambda guest: not guest.portal_join_id)
        by_mailbox -= by_link
        return {"link": by_link, "mailbox": by_mailbox, "session": self._get_session_guest() - by_link - by_mailbox}

    def _has_portal_join_offers(self):
        """Return whether the user may add orders thanks to the link in this session or an earlier one.

        :rtype: bool
        """
        joins, user, join_sudo = request.env["sale.portal.join"], request.env.user, self._get_portal_join_link()
        return joins._has_portal_join_offers(user) or bool(join_sudo and joins._has_portal_join_offers(user, join_sudo))

    def _get_session_guest(self):
        """Return the guest contact that the user may add because its order was placed in this session.

        :return: contact in superuser mode, can be empty
        :rtype: res.partner record
        """
        order_sudo = get_session_guest_order()
        if not order_sudo:
            return order_sudo.partner_id
        joins, user, guest_sudo = request.env["sale.portal.join"], request.env.user, order_sudo.partner_id
        is_offered = joins._check_session_proof(order_sudo, user) == "ready"
        is_offered = is_offered and not joins._is_portal_join_declined(user, guest_sudo)
        return guest_sudo if is_offered else guest_sudo.browse()

    def _get_ticked_portal_guests(self, offers_sudo):
        """Return the contacts selected by the user that are on offer or were added in another browser tab.

        :param dict offers_sudo: see :meth:`_get_portal_join_offers_by_proof`
        :return: contacts in superuser mode
        :rtype: res.partner recordset
        """
        joins_sudo = request.env["sale.portal.join"].sudo()
        joined = [("user_id", "=", request.env.uid), ("join_state", "=", "joined")]
        guests_sudo = (
            request.env["res.partner"].sudo().union(*offers_sudo.values(), joins_sudo.search(joined).partner_id)
        )
        return self._filter_posted_portal_guests(guests_sudo, "guest")

    def _filter_posted_portal_guests(self, guests_sudo, name):
        """Keep the contacts whose ids were posted in the form.

        :param guests_sudo: contacts that the user may add
        :param str name: form field: ``guest`` for selected contacts, ``shown`` for all contacts on the page
        :return: contacts in superuser mode
        :rtype: res.partner recordset
        """
        posted = set(request.httprequest.form.getlist(name))
        return guests_sudo.filtered(lambda guest: str(guest.id) in posted)

    def _join_ticked_portal_guests(self, ticked_sudo, offers_sudo, join_sudo):
        """Join contacts, each with the available proof.

        :param ticked_sudo: selected contacts, which are on offer or have joined
        :param dict offers_sudo: see :meth:`_get_portal_join_offers_by_proof`
        :param join_sudo: record of the link in this session, if any
        :type join_sudo: sale.portal.join record or None
        :return: ``joined``, or the first other outcome
        :rtype: str
        """
        joins, user = request.env["sale.portal.join"], request.env.user
        by_link, by_mailbox = ticked_sudo & offers_sudo["link"], ticked_sudo & offers_sudo["mailbox"]
        outcomes = []
        if by_link:
            outcomes.append(joins._join_by_mailbox(by_link, user, join_sudo))
        if by_mailbox:
            outcomes.append(joins._join_by_mailbox(by_mailbox, user))
        if ticked_sudo & offers_sudo["session"]:
            outcomes.append(joins._join_by_session(get_session_guest_order(), user))
        return next((outcome for outcome in outcomes if outcome != "joined"), "joined")

    def _prepare_portal_join_values(self, outcome):
        """Prepare the rendering values of the page.

        :param outcome: outcome of the last request, if any
        :type outcome: str or None
        :rtype: dict
        """
        user = request.env.user
        guests_sudo = request.env["res.partner"].sudo().union(*self._get_portal_join_offers_by_proof().values())
        order_sudo = get_session_guest_order()
        if not outcome and order_sudo and not guests_sudo:
            proof = request.env["sale.portal.join"]._check_session_proof(order_sudo, user)
            outcome = {"unproved": "unproved", "other_account": "other_account"}.get(proof)
        join_sudo = self._find_portal_join_link()
        if join_sudo and join_sudo.user_id != user:
            outcome = "other_link"
        elif outcome not in OUTCOMES:
            outcome = None
        return {
            **self._prepare_portal_layout_values(),
            "page_name": "guest_orders",
            "guests": list(guests_sudo._get_portal_guest_orders_by_contact().items()),
            "outcome": outcome,
            "email": user.login,
            "has_unproved_credentials": user._has_unproved_portal_credentials(),
            "company": user._has_portal_colleagues() and user.partner_id.commercial_partner_id,
            "change_user_url": self._get_change_user_url(),
        }

    def _get_change_user_url(self):
        """Return the URL to switch to another account.

        Signing out ends the session that keeps the link, so the link has to be opened again.

        :rtype: str
        """
        token = request.session.get("portal_join_token")
        path = f"{LINK_PATH}/{token}" if token else f"/web/login?redirect={JOIN_PATH}"
        return f"/web/session/logout?{urlencode({'redirect': path})}"

    def _redirect_portal_join(self, outcome=None):
        """Redirect to the page for guest orders.

        :param outcome: outcome of the last request, if any
        :type outcome: str or None
        :rtype: Response
        """
        return request.redirect(f"{JOIN_PATH}?{urlencode({'outcome': outcome})}" if outcome else JOIN_PATH)
