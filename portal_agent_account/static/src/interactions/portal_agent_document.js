import { registry } from "@web/core/registry";
import { Interaction } from "@web/public/interaction";

/**
 * Adjusts the frame of a printed document to the document's height.
 */
export class PortalAgentDocument extends Interaction {
    static selector = ".o_portal_agent_document iframe";
    dynamicContent = {
        _root: { "t-on-load": this.fitHeight },
        _window: { "t-on-resize": this.debounced(this.fitHeight, 100) },
    };

    start() {
        this.fitHeight();
    }

    fitHeight() {
        const wrapEl = this.el.contentDocument?.querySelector("#wrapwrap");
        if (wrapEl) {
            this.el.style.height = `${wrapEl.scrollHeight}px`;
        }
    }
}

registry.category("public.interactions").add("portal_agent_account.document", PortalAgentDocument);
