import pytest

from imgprep.checks.page.template import breaks, environment


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("\" onerror='x'", "&#34; onerror=&#39;x&#39;"),
        ("a\u202eb\x00\n", r"a\u202eb\x00\n"),
        ("data:image/jpeg;base64,\u202e<", r"data:image/jpeg;base64,\u202e&lt;"),
    ],
)
def test_whatever_is_put_into_a_page_is_text_on_one_line(text, shown):
    template = environment().from_string('<p title="{{ it }}">{{ it }}</p>')
    assert template.render(it=text) == f'<p title="{shown}">{shown}</p>'


def test_a_path_breaks_after_slashes_only():
    assert breaks("a<b/c d") == "a&lt;b/<wbr>c d"


def test_a_name_that_a_template_lacks_is_an_error():
    with pytest.raises(Exception, match="undefined"):
        environment().from_string("{{ missing }}").render()
