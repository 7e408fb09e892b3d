"""The link in a mail is the target of a link and is nowhere else, whatever the mail's template contains."""

from odoo.tests import BaseCase, tagged

from ..models.mail_markup import has_complete_tags, has_link, replace_link

URL = "https://shop.example.com/my/sample"
SECRET = "https://shop.example.com/my/secret"
EVIL = "https://evil.example.com/?"
LINK = f'<a href="{URL}">x</a>'


@tagged("at_install", "-post_install")
class TestMailMarkup(BaseCase):
    def test_the_target_is_replaced_and_all_other_text_stays_as_it_is(self):
        for body in (
            '<!DOCTYPE html><html><body>\n<p>1 < 2 &amp; "3"<br/>  %s</body>',
            '<!--[if mso]><td width=600 STYLE=\'font: "Arial"\'><v:rect href="x" /><![endif]-->%s',
            '<style>@media (width > 9px) {td > p {font: "a"}}</style><textarea>x</textarea>%s',
            "<input disabled value = x><img alt='>'\n/><o:p></o:p><t></t>%s",
        ):
            self.assertTrue(has_complete_tags(body % LINK))
            self.assertEqual(replace_link(body % LINK, URL, SECRET), body % LINK.replace(URL, SECRET))

    def test_links_areas_and_buttons_for_outlook_are_replaced(self):
        for tag in ("a", "area", "v:rect", "v:roundrect"):
            for before, after in ((' class="b" download', ""), ("", " style='x'/"), ("\n", ' title="1 > 0"')):
                body = f'<{tag}{before} href="%s"{after}>'
                with self.subTest(body):
                    self.assertTrue(has_link(body % URL, URL))
                    self.assertEqual(replace_link(body % URL, URL, SECRET), body % SECRET)

    def test_a_query_or_a_fragment_after_the_link_is_kept(self):
        for new_url, rest, expected in (
            (SECRET, "?utm_source=mail&amp;x=1", "?utm_source=mail&amp;x=1"),
            (SECRET, "#top", "#top"),
            (f"{SECRET}?token=1", "?utm_source=mail#top", "&amp;utm_source=mail#top"),
            (f"{SECRET}?token=1", "#top", "#top"),
            (f"{SECRET}?token=1&x=2", "", ""),
        ):
            body = replace_link(f'<a href="{URL}{rest}">x</a>', URL, new_url)
            self.assertEqual(body, f'<a href="{new_url.replace("&", "&amp;")}{expected}">x</a>')

    def test_another_address_is_not_replaced(self):
        for url in (f"{URL}s", f"{URL}/decline", f"x{URL}", f"{EVIL}{URL}"):
            body = f'<a href="{url}">{URL}</a>'
            self.assertFalse(has_link(body, URL))
            self.assertEqual(replace_link(body, URL, SECRET), body)

    def test_what_a_client_loads_or_a_form_sends_is_not_replaced(self):
        for body in (
            f'<img src="{URL}"/>',
            f'<link href="{URL}"/>',
            f'<image href="{URL}"/>',
            f'<img alt="x" src="{EVIL}<a href={URL}"/>',
            f'<img title=\'<a href="{URL}"\' src="x"/>',
            f"<style>p {{background: url('{EVIL}{LINK}')}}</style>",
            f"<style></style\v>p {{background: url('{EVIL}{LINK}')}}</style>",
            f"<style></\u017ftyle>p {{background: url('{EVIL}{LINK}')}}</style>",
            f"<STYLE media='x'></styles>p {{background: url('{EVIL}{LINK}')}}",
            f"<!--<textarea>--><style>p {{background: url('{EVIL}</textarea>{LINK}')}}</style>",
            f"<style></style><form action='{EVIL}'><textarea name='x'>{LINK}</textarea><button>x</button></form>",
        ):
            with self.subTest(body):
                self.assertFalse(has_link(body, URL) and has_complete_tags(body))
                if has_complete_tags(body):
                    self.assertEqual(replace_link(body, URL, SECRET), body)

    def test_a_tag_that_a_client_may_read_on_past_its_end_is_found(self):
        for body in (
            f"<img src='{EVIL}%s'/>",
            f'<img src="{EVIL}%s',
            f"<img src={EVIL}%s",
            f"<img src=`{EVIL}%s`>",
            f"<img x\" src='{EVIL}\" >%s'>",
            f"<img x=\"y\"src='{EVIL}'>%s",
            f"<img/src='{EVIL}'>%s",
            f"<img \xa0=\xa0'>' src='{EVIL}%s'>",
            f"<p>x</p><!--[if mso]><img src='{EVIL}%s'/><![endif]-->",
            f"<!--><img src='{EVIL}-->%s<!--'>-->",
            f"<textarea><img title=\"<!--</textarea><img src='{EVIL}-->\">%s</textarea>",
            f"<svg><style><img src='{EVIL}</style>%s'></svg>",
        ):
            with self.subTest(body):
                self.assertFalse(has_complete_tags(body % LINK))
