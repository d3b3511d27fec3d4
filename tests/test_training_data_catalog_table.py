"""Tables of every kind: encodings, delimiters, row numbers, headers and their errors."""

import math

import pytest
from catalog_files import write_json_lines, write_table

from training.data.catalog.columns import find_columns, to_number
from training.data.catalog.likely_typos import find_likely_typos
from training.data.catalog.quarantine import Refusal, UnreadableRowError, defuse_cell, write_quarantine
from training.data.catalog.table import open_table

ROWS = [{"image": "a.png", "category": "Kleid"}, {"image": "b.png", "category": "Schürze, rot"}]


def read(path, **options):
    return [(row.number, row.cells, row.problem) for row in open_table(path, **options).read()]


@pytest.mark.parametrize(
    ("encoding", "found"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("utf-32", "utf-32"),
        ("cp1252", "cp1252"),
        ("latin-1", "cp1252"),
    ],
)
def test_encodings(tmp_path, encoding, found):
    table = open_table(write_table(tmp_path / "t.csv", ROWS, encoding=encoding))
    assert table.encoding == found
    assert table.describe() == f"CSV with commas, {found}"
    assert [row.cells for row in table.read()] == ROWS


@pytest.mark.parametrize(
    ("encoding", "found", "values"),
    [
        ("cp1252", "cp1252", ["robe", "chemise à manches", "été", "chaussures légères"]),
        ("cp1252", "cp1252", ["vestido", "camisón", "niño", "pantalón"]),
        ("cp1252", "cp1252", ["kjole", "blå skjorte", "rød sko", "støvler"]),
        ("cp1250", "cp1250", ["sukňa", "košeľa", "šaty, červené", "topánky"]),
        ("cp1250", "cp1250", ["dámské šaty", "košile", "žluté tričko", "boty dětské"]),
        ("cp1251", "cp1251", ["красное платье", "синяя юбка", "белая рубашка", "детская обувь"]),
        ("cp1251", "cp1251", ["платье", "юбка", "рубашка", "обувь"]),
        ("cp1253", "cp1253", ["φόρεμα", "φούστα", "παπούτσια"]),
        ("cp1254", "cp1254", ["elbise", "gömlek", "ayakkabı", "yeşil şapka"]),
        ("cp1255", "cp1255", ["שמלה", "חולצה", "נעליים"]),
        ("cp1256", "cp1256", ["فستان", "قميص", "حذاء"]),
        ("cp1257", "cp1257", ["suknelė", "marškiniai", "batai, žali", "kelnės"]),
        ("cp932", "cp932", ["ワンピース", "赤いスカート", "白いシャツ", "運動靴"]),
        ("cp932", "cp932", ["ｼｬﾂ", "ｽｶｰﾄ"]),
        ("gb18030", "gb18030", ["红色连衣裙", "白色衬衫", "男士运动鞋", "牛仔裤"]),
        ("gb18030", "gb18030", ["连衣裙", "衬衫", "鞋子"]),
        ("big5", "big5", ["連衣裙", "襯衫", "鞋子"]),
        ("cp949", "cp949", ["원피스", "셔츠", "신발"]),
    ],
)
def test_encodings_of_other_languages(tmp_path, encoding, found, values):
    rows = [{"image": f"p{index:03}.jpg", "category": values[index % len(values)]} for index in range(12)]
    table = open_table(write_table(tmp_path / "t.csv", rows, encoding=encoding))
    assert table.encoding == found
    assert [row.cells for row in table.read()] == rows


def test_three_japanese_words_are_no_korean_ones(tmp_path):
    words = ["バッグ", "シャツ", "靴"]
    rows = [{"image": f"p{index:03}.jpg", "category": words[index % 3]} for index in range(24)]
    table = open_table(write_table(tmp_path / "t.csv", rows, encoding="shift_jis"))
    assert [row.cells for row in table.read()] == rows


def test_an_encoding_is_found_in_a_table_longer_than_what_is_looked_at(tmp_path):
    rows = [{"image": f"{index}.jpg", "category": "детская обувь"} for index in range(60_000)]
    path = write_table(tmp_path / "t.csv", rows, encoding="cp1251")
    assert path.stat().st_size > 1 << 20
    assert open_table(path).encoding == "cp1251"


@pytest.mark.parametrize(
    ("delimiter", "name"), [(",", "commas"), (";", "semicolons"), ("\t", "tabs"), ("|", "bars")]
)
def test_delimiters(tmp_path, delimiter, name):
    table = open_table(write_table(tmp_path / "t.csv", ROWS, delimiter=delimiter))
    assert name in table.describe()
    assert [row.cells for row in table.read()] == ROWS


def test_rows_are_numbered_as_a_spreadsheet_shows_them(tmp_path):
    (tmp_path / "t.csv").write_text('image,category\na,"two\nlines"\n\nb,x\n,\nc,y,\nd\n"e" ,z\nf,w,v\n')
    assert read(tmp_path / "t.csv") == [
        (2, {"image": "a", "category": "two\nlines"}, None),
        (4, {"image": "b", "category": "x"}, None),
        (5, {"image": "", "category": ""}, None),
        (6, {"image": "c", "category": "y"}, None),
        (7, {"image": "d", "category": ""}, None),
        (8, {"image": "", "category": ""}, "quotes of lines 9 to 9 are broken (',' expected after '\"')"),
        (9, {"image": "f", "category": "w"}, "3 cells, but the header has 2"),
    ]


def test_note_on_the_delimiter_is_no_row(tmp_path):
    (tmp_path / "t.csv").write_text("sep=;\nImage;Product Category\na,1;bag\n")
    assert read(tmp_path / "t.csv") == [(2, {"image": "a,1", "product_category": "bag"}, None)]


def test_json_lines(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_text(
        '{"image": "a", "price": 3.5}\n\n{"image": null, "sold": true}\n[1]\n{"image"\n'
        '{"image": "b", "IMAGE": "c"}\n{"image": "\\ud800", "price": {"eur": 1}}\n'
    )
    empty = {"image": "", "price": "", "sold": ""}
    rows = read(path)
    assert open_table(path).describe() == "JSON Lines, utf-8"
    assert rows[:3] == [
        (1, {**empty, "image": "a", "price": "3.5"}, None),
        (3, {**empty, "sold": "true"}, None),
        (4, empty, "not an object"),
    ]
    assert rows[3][2].startswith("not JSON: Expecting ':'")
    assert rows[4][2] == "not JSON: image twice"
    assert rows[5][1] == {"image": "?", "price": '{"eur": "1"}', "sold": ""}


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "must have a header and rows. Received: t.csv, which is empty"),
        (b"\xef\xbb\xbf\r\n", "which is empty"),
        (
            b"image,category\n" + bytes(range(127, 256)),
            r"tried as utf-8 \(not possible near byte 16\), cp1252 \(not possible",
        ),
        (b"PK\x03\x04\x14\0\0\0", r"Received: t.csv, which is a ZIP archive of something.*Export it as CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "t.csv, which is an old Excel spreadsheet .* or one with a password"),
        (b"\xff\xd8\xff\xe0\0\x10", "Received: t.csv, which is a JPEG picture"),
        (b"image,a\x01\n", r"control character '\\x01': is it another kind of file"),
        (b"image,category,Category \na,b,c\n", "category more than once: image, category, Category"),
        (b"image,category,,price\na,b,c,1\n", "a column without a name: image, category, , price"),
        (b'image,category\na,"b\nc,d\n', r"t.csv, line 2 \(unexpected end of data\). Close the quote"),
        (b'[{"image": "a"}]', "JSON Lines format: one object per line.*starts with a list"),
    ],
)
def test_tables_that_cannot_be_read(tmp_path, content, text):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(ValueError, match=text):
        read(tmp_path / "t.csv")


def test_the_index_that_pandas_writes_is_a_column(tmp_path):
    (tmp_path / "t.csv").write_bytes(b",image,category\n0,a,bag\n1,b,hat\n")
    assert open_table(tmp_path / "t.csv").columns == ("index", "image", "category")


def test_named_encoding(tmp_path):
    path = write_table(tmp_path / "t.csv", ROWS, encoding="cp437")
    assert [row[1] for row in read(path, encoding="cp437")] == ROWS
    with pytest.raises(ValueError, match="t.csv, tried as utf-8 .*leave out `--encoding`"):
        read(path, encoding="utf-8")
    with pytest.raises(LookupError, match="unknown encoding: klingon"):
        read(path, encoding="klingon")


def interpret(tmp_path, rows, attributes=("category",), renames=None):
    table = open_table(write_table(tmp_path / "t.csv", rows))
    columns = find_columns(table, attributes, renames or {})
    results = []
    for row in table.read():
        try:
            results.append(columns.interpret(row))
        except UnreadableRowError as error:
            results.append((error.reason, error.detail))
    return columns, results


def test_meaning_of_cells(tmp_path):
    base = {"image": "a", "category": "bag", "price": "3", "split": "", "description": "x"}
    changes = [{}, {"category": "dress "}, {"category": " \n"}, {"price": "3 EUR"}, {"price": " "}]
    changes += [{"category": "cafe\u0301"}]
    changes += [{"split": "Val"}, {"split": "holdout"}, {"price": "inf"}, {"category": "T-Shirt"}]
    columns, results = interpret(tmp_path, [base | change for change in changes], renames={"T-Shirt": "bag"})
    assert (columns.image, columns.numbers) == ("image", ("price",))
    assert (results[0].values, results[0].numbers, results[0].split) == (("bag",), (3.0,), "")
    assert results[1].values == ("dress␣",)
    assert results[2] == ("empty attribute", "category")
    assert results[3] == ("not a number", "price '3 EUR'")
    assert math.isnan(results[4].numbers[0])
    assert results[5].values == ("caf\u00e9",)
    assert results[6].split == "validation"
    assert results[7] == ("unknown split", "holdout; known are train, validation and test")
    assert results[8] == ("not a number", "price 'inf'")
    assert results[9].values == ("bag",)


@pytest.mark.parametrize(
    "text", ["1e39", "-1e400", "1_000", "0x10", "\u0663", "1.299,00", "12,5", "12 EUR", "1e"]
)
def test_texts_that_are_no_numbers(text):
    with pytest.raises(UnreadableRowError, match="not a number"):
        to_number("price", text)


@pytest.mark.parametrize(
    ("text", "number"), [(" 12.5 ", 12.5), ("-3", -3), (".5", 0.5), ("1e3", 1000), ("+7.", 7)]
)
def test_texts_that_are_numbers(text, number):
    assert to_number("price", text) == number


@pytest.mark.parametrize(
    ("rows", "options", "text"),
    [
        ([{"photo": "a"}], {}, "named one of image, file, filename, path. Received: t.csv with.*photo"),
        ([{"image": "a", "kind": "x"}], {}, "must be a column.*Received: category, columns image, kind"),
        ([{"image": "a", "price": "1"}], {"attributes": ["price"]}, "Received: price. Rename"),
        ([{"image": "a", "grösse": "1"}], {"attributes": ["grösse"]}, "letters, digits and underscores"),
        (ROWS, {"attributes": ["category", "category"]}, "name must be unique"),
        (
            [{"image": "a", "model": "1"}],
            {"attributes": ["model"]},
            "not be a reserved word. Received: model",
        ),
        ([{"image": "a", "target_a": "1"}], {"attributes": ["target_a"]}, "Received: target_a.*target_..."),
        (
            [ROWS[0]] * 2,
            {},
            "Received: category with Kleid. Choose other attributes.*super-resolution.*leave out --table",
        ),
        ([row | {"price": "cheap"} for row in ROWS], {}, "price must contain numbers.*row 2 with 'cheap'"),
        (ROWS, {"renames": {"Rock": "Kleid"}}, "Received: Rock. Choose among: Kleid, Schürze, rot"),
        (ROWS, {"renames": {"Schürze, rot": "Kleid"}}, "at least two values"),
    ],
)
def test_columns_that_cannot_serve(tmp_path, rows, options, text):
    with pytest.raises(ValueError, match=text):
        interpret(tmp_path, rows, **options)


def test_a_header_alone_is_no_table(tmp_path):
    (tmp_path / "t.csv").write_text("image,category\n")
    with pytest.raises(ValueError, match="must have rows below its header. Received: t.csv with none"):
        find_columns(open_table(tmp_path / "t.csv"), ["category"], {})


@pytest.mark.parametrize("name", ["image", "file", "filename", "path"])
def test_columns_that_name_the_photos(tmp_path, name):
    table = open_table(write_json_lines(tmp_path / "t.jsonl", [{name: "a", "k": i} for i in range(2)]))
    assert find_columns(table, ["k"], {}).image == name


@pytest.mark.parametrize(
    ("values", "pairs"),
    [
        (
            ["t-shirt", "T-Shirt", "t-shirt␣", "tshirt"],
            [("T-Shirt", "t-shirt"), ("t-shirt␣", "t-shirt"), ("tshirt", "t-shirt")],
        ),
        (["trousers", "trouser", "tousers"], [("tousers", "trousers"), ("trouser", "trousers")]),
        (["sneaker", "sneakre"], [("sneakre", "sneaker")]),
        (["shirt", "skirt", "dress", "bag", "bat"], []),
        (["size 100", "size 101", "?", "!"], []),
        (["ankle boot", "Ankle-Boot"], [("Ankle-Boot", "ankle boot")]),
    ],
)
def test_likely_typos(values, pairs):
    assert find_likely_typos({value: 2 if index else 30 for index, value in enumerate(values)}) == pairs


@pytest.mark.parametrize(
    ("counts", "pairs"),
    [
        ({"Tshirts": 70, "Shirts": 32}, []),
        ({"Tshirts": 70, "Tshrts": 7}, [("Tshrts", "Tshirts")]),
        ({"trousers": 70, "trouser": 65}, [("trouser", "trousers")]),
        ({"Coat red": 70, "coat-red": 65}, [("coat-red", "Coat red")]),
    ],
)
def test_values_that_both_occur_often_are_meant(counts, pairs):
    """Unless one is the other's plural, or is only written in another way."""
    assert find_likely_typos(counts) == pairs


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n=", " ="])
def test_no_cell_is_a_formula(tmp_path, start):
    assert defuse_cell(f"{start}HYPERLINK()") == f"'{start}HYPERLINK()"
    write_quarantine(tmp_path / "q.csv", [Refusal(3, f"{start}1", "missing"), Refusal(2, 'a,"b', "=x")])
    lines = (tmp_path / "q.csv").read_bytes().decode()
    assert lines.startswith('row,file,reason\r\n2,"a,""b",\'=x\r\n3,')
    assert f"'{start}1" in lines


@pytest.mark.parametrize("cell", ["NaN", "N/A", "null", "-", "#N/A", " nan ", "<NA>"])
def test_what_programs_write_for_no_value_is_none(tmp_path, cell):
    rows = [{"image": str(number), "category": value} for number, value in enumerate(["bag", "shoe", cell])]
    _, results = interpret(tmp_path, rows)
    assert results[2] == ("empty attribute", f"category {cell.strip()!r}")
    if cell == cell.strip():
        assert interpret(tmp_path, rows, renames={cell: "other"})[1][2].values == ("other",)


@pytest.mark.parametrize("value", ["none", "NA", "nano", "--x"])
def test_words_that_may_be_values_are_values(tmp_path, value):
    rows = [{"image": str(number), "category": name} for number, name in enumerate(["bag", value])]
    assert interpret(tmp_path, rows)[1][1].values == (value,)


def test_quotes_after_backslashes_are_found_out(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('image,category\na,"a \\"nice\\" one, really"\nb,"two"\n')
    assert open_table(path).describe() == "CSV with commas, quotes after backslashes, utf-8"
    assert [cells["category"] for _, cells, _ in read(path)] == ['a "nice" one, really', "two"]


def test_backslashes_elsewhere_stay(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('image,category\nsub\\a.png,"a ""nice"" one"\n')
    assert open_table(path).escape is None
    assert read(path)[0][1] == {"image": "sub\\a.png", "category": 'a "nice" one'}


def test_a_table_in_which_no_row_can_be_read_says_why(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("image,category\na,b,c\nd,e,f\n")
    with pytest.raises(ValueError, match=r"in which none can: row 3 has 3 cells, but the header has 2\."):
        find_columns(open_table(path), ["category"], {})
