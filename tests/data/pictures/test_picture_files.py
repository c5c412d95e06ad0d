"""Every kind of file that is a picture, and many that are none."""

from __future__ import annotations

import io
import struct
import sys
import time
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from made_pictures import file_of, pdf, printed
from PIL import Image, ImageOps

from gi_classifier.data.pictures.page import Picture
from gi_classifier.data.pictures.picture_files import listed, pictures_of
from gi_classifier.errors import (
    GIClassifierError,
    InputError,
    MissingExtraError,
    MissingPathError,
    RecordsError,
)


def one(content: bytes | Path) -> Picture:
    (found,) = pictures_of(content)
    return found


def image(width: int = 40, height: int = 20) -> Image.Image:
    """White above, black below."""
    pixels = np.full((height, width, 3), 255, dtype=np.uint8)
    pixels[height // 2 :] = 0
    return Image.fromarray(pixels)


def halves(picture: Picture) -> tuple[int, int]:
    """The brightness of the upper and of the lower half."""
    middle = len(picture.pixels) // 2
    return round(picture.pixels[:middle].mean()), round(picture.pixels[middle:].mean())


@pytest.mark.parametrize("form", ["PNG", "BMP", "GIF", "WEBP", "TIFF", "JPEG", "PPM", "JPEG2000"])
def test_formats_of_pictures_are_read(form: str) -> None:
    light, dark = halves(one(file_of(image(), form)))
    assert light > 240
    assert dark < 15


@pytest.mark.parametrize("mode", ["CMYK", "L", "1", "P", "LA", "RGBA", "YCbCr"])
def test_colours_of_every_kind_become_red_green_and_blue(mode: str) -> None:
    form = "TIFF" if mode in ("CMYK", "YCbCr") else "PNG"
    found = one(file_of(image().convert(mode), form))
    assert found.pixels.shape == (20, 40, 3)
    assert found.pixels.dtype == np.uint8
    assert halves(found) == (255, 0)


def test_a_cmyk_jpeg_is_not_read_inverted() -> None:
    light, dark = halves(one(file_of(image().convert("CMYK"), "JPEG")))
    assert light > 240
    assert dark < 15


@pytest.mark.parametrize("brightest", [65535, 4095])
def test_sixteen_bits_are_scaled_to_eight(brightest: int) -> None:
    grey = np.full((20, 40), brightest, dtype=np.uint16)
    grey[10:] = 0
    assert halves(one(file_of(Image.fromarray(grey)))) == (255, 0)


def test_transparent_is_white() -> None:
    clear = Image.new("RGBA", (40, 20), (0, 0, 0, 0))
    assert halves(one(file_of(clear))) == (255, 255)


def test_a_turned_camera_is_heeded() -> None:
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    assert halves(one(file_of(image(), "JPEG", exif=exif)))[0] < 15


@pytest.mark.parametrize("damage", [b"Exif\0\0" + bytes(200), b"Exif\0\0II*\0", b"Exif\0\0MM"])
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_damaged_metadata_is_no_reason_to_refuse_a_picture(form: str, damage: bytes) -> None:
    light, dark = halves(one(file_of(image(), form, exif=damage, dpi=(300, 300))))
    assert light > 240
    assert dark < 15


@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("said", range(10))
def test_every_turn_of_a_camera_is_what_another_library_makes_of_it(said: int, form: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = said
    content = file_of(image(), form, exif=exif)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
    np.testing.assert_array_equal(one(content).pixels, np.asarray(upright))


def test_a_png_that_breaks_off_in_the_middle_is_not_read_as_a_picture_half_black() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    content = bytearray(file_of(Image.fromarray(pixels)))
    content[len(content) // 2 : len(content) // 2 + 4000] = bytes(4000)
    with pytest.raises(RecordsError, match="damaged or cut off"):
        one(bytes(content))


def test_a_page_of_a_tiff_packed_in_an_unknown_way_is_an_error_of_ours() -> None:
    content = file_of(image(), "TIFF", save_all=True, append_images=[image()])
    # Tag 259, compression: one value of 16 bits, of the second page.
    place = content.rindex(struct.pack("<HHI", 259, 3, 1)) + 8
    packed = content[:place] + struct.pack("<H", 34661) + content[place + 2 :]
    with pytest.raises(RecordsError, match="damaged or cut off"):
        list(pictures_of(packed))


def test_a_file_that_another_program_holds_is_an_error_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(file_of(image()))

    def held(*_: object) -> None:
        raise PermissionError(13, "in use")

    monkeypatch.setattr(Path, "open", held)
    with pytest.raises(RecordsError, match=r"a\.png may not be read: in use"):
        list(pictures_of(path))


def test_the_first_picture_of_an_animation_is_read_and_that_is_said() -> None:
    later = Image.new("RGB", (40, 20), "black")
    content = file_of(image(), "GIF", save_all=True, append_images=[later, image()])
    found = one(content)
    assert halves(found) == (255, 0)
    assert found.of == 1
    assert found.notes == ("of its 3 pictures the first was read",)


def test_each_picture_of_a_tiff_is_a_page() -> None:
    black = Image.new("RGB", (30, 30), "black")
    found = list(pictures_of(file_of(image(), "TIFF", save_all=True, append_images=[black])))
    assert [(p.number, p.of, p.pixels.shape[:2]) for p in found] == [
        (1, 2, (20, 40)),
        (2, 2, (30, 30)),
    ]


def test_a_pdf_of_scans_is_read_page_by_page() -> None:
    content = file_of(image(400, 300), "PDF", save_all=True, append_images=[image(300, 400)])
    found = list(pictures_of(content))
    assert [(p.number, p.of, p.layer) for p in found] == [(1, 2, None), (2, 2, None)]
    assert found[0].pixels.shape[0] < found[0].pixels.shape[1]
    assert found[1].pixels.shape[0] > found[1].pixels.shape[1]


def png(width: int, height: int) -> bytes:
    """A PNG that says it is so large, and holds nothing of it."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content))
            + kind
            + content
            + struct.pack(">I", zlib.crc32(kind + content))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


PASSWORD = b"/Encrypt<</Filter/Standard/V 1/R 2/P -4/O<%b>/U<%b>>>/ID[<00><00>]" % (
    b"11" * 32,
    b"22" * 32,
)
PAGES = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>"]
PAGES += [b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]>>"]
BAD = {
    "bomb": (png(60_000, 60_000), "too many for a page; it was not decoded"),
    "large": (png(12_000, 10_000), "more than 100,000,000; it was not decoded"),
    "cut off": (file_of(image(400, 400), "JPEG")[:2000], "damaged or cut off"),
    "png without pixels": (png(100, 100), "damaged or cut off"),
    "text": ("胃窦溃疡".encode() * 9, "no picture that can be read"),
    "empty": (b"", "is empty"),
    "postscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "no picture"),
    "encrypted pdf": (pdf(PAGES, PASSWORD), "encrypted. Save it without a password"),
    "damaged pdf": (b"%PDF-1.4\n" + b"x" * 99, "no PDF that can be read"),
    "pdf without pages": (pdf([PAGES[0], b"<</Type/Pages/Kids[]/Count 0>>"]), "has no page|no PDF"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_picture_is_named_and_nothing_of_it_decoded(kind: str, tmp_path: Path) -> None:
    content, message = BAD[kind]
    path = tmp_path / "scan.png"
    path.write_bytes(content)
    began = time.process_time()
    for source in (path, content):
        with pytest.raises(RecordsError, match=message) as caught:
            list(pictures_of(source))
        assert ("scan.png" in str(caught.value)) is (source is path)
        assert "胃窦" not in str(caught.value)
    assert time.process_time() - began < 3


def test_a_source_of_another_type_is_an_error() -> None:
    with pytest.raises(InputError, match="a path or a file's bytes. Received: list"):
        list(pictures_of([1]))  # type: ignore[arg-type]


def test_a_missing_file_and_a_folder_are_errors(tmp_path: Path) -> None:
    with pytest.raises(MissingPathError, match="no file"):
        list(pictures_of(tmp_path / "none.png"))
    with pytest.raises(RecordsError, match="is a folder"):
        list(pictures_of(tmp_path))


def test_folders_are_listed_by_name_with_what_is_in_their_folders(tmp_path: Path) -> None:
    for name in ("b.png", "a/c.PDF", "a/notes.txt", ".hidden.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert [p.relative_to(tmp_path).as_posix() for p in listed(tmp_path)] == ["a/c.PDF", "b.png"]
    assert listed(tmp_path / "b.png") == [tmp_path / "b.png"]
    with pytest.raises(MissingPathError, match="Name a picture"):
        listed(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(RecordsError, match="holds no picture"):
        listed(tmp_path / "empty")


def test_without_the_extra_the_command_that_installs_it_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "rapidocr", None)
    with pytest.raises(MissingExtraError, match=r"rapidocr.*pip install 'gi_classifier\[ocr\]'"):
        list(pictures_of(file_of(printed())))


@pytest.mark.long
def test_bytes_that_are_damaged_anywhere_raise_nothing_else() -> None:
    random = np.random.default_rng(0)
    forms = [file_of(image(60, 60), f) for f in ("PNG", "JPEG", "TIFF", "GIF", "WEBP", "PDF")]
    for content in forms * 60:
        damaged = bytearray(content)
        for place in random.integers(0, len(damaged), 8):
            damaged[place] = random.integers(256)
        with suppress(GIClassifierError):
            list(pictures_of(bytes(damaged)))
