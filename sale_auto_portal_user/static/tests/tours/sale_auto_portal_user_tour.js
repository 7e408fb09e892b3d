import { registry } from "@web/core/registry";

// A salesperson confirms a quotation, sees the customer's account and sends the invitation again.
registry.category("web_tour.tours").add("sale_auto_portal_user_salesperson", {
    steps: () => [
        {
            content: "Confirm the quotation",
            trigger: ".o_statusbar_buttons button[name=action_confirm]:not(.d-none):visible",
            run: "click",
        },
        {
            content: "The order says that its customer is being invited",
            trigger: "button[name=action_view_portal_user]:contains(Being invited)",
        },
        {
            content: "Send the invitation again",
            trigger: "button[name=action_resend_portal_invitation]",
            run: "click",
        },
        {
            content: "A message says where it goes",
            trigger: ".o_notification:contains(nora@example.com)",
        },
        {
            content: "Open the account",
            trigger: "button[name=action_view_portal_user]",
            run: "click",
        },
        {
            content: "It is the customer's contact, for who may not manage users",
            trigger: ".o_form_view .o_breadcrumb:contains(Nora)",
        },
    ],
});
