"""HEIC, read where a plug-in is installed; the files were made by pillow-heif 1.8 (x265)."""

import base64
import importlib.util
import struct
import sys

import numpy as np
import pytest

from imgprep.decoding.decode import DecodeOptions, decode
from imgprep.decoding.formats import sniff
from imgprep.errors import ImageError

HEIC = base64.b85decode(
    "0000SW^{RQXk}?*00000ZE0pPXk}?*ZE0a<0004eZDn*}000000000XXk=`10000000000aA{+700000000000000000000B57=IV*mgE07O6l"
    "0RRC200001pa1~?0000000372001LtX>Mi!000000RR916=`l}WdZ;I000310BCk&F#rGn01j|zbZr0t000010002|X>f9I0002oX>en20001W"
    "Xm(>m0RwOV0058x000009`FGC{rLC*01pFT0096PKmiN^|NjGU00093kN^M!000939=ZZRVE_RDDMA4O18@KU0|1Z!00RI30{|YNAb|yz>aLpR"
    ";31&EfB*mtfB*mk0EA)y0RRR>0l{;@i2wiq6Ju{|a&BX6cmM$a4FCp!0000KX>)L8000000000$0000$0000eV{Bn?0000O000010000G00001"
    "|NsBk00002|NsBc000020000GaA|mH000000|*ER0000OX>e^}0000000001009Mo0s{qv0001AZDe6|0000}C;_h%A*M`d^&r4tw0j$apV{#G"
    "<KsZ~`u2@_@qR+^&FdnY2p%v@N4@*mHsJL9|Nbii2LT@?P!0~=fhSS~3A;f2TN`jl@{$LCW!apQOT~B"
)
TURNED = base64.b85decode(
    "0000SW^{RQXk}?*00000ZE0pPXk}?*ZE0a<0005UZDn*}000000000XXk=`10000000000aA{+700000000000000000000G-"
    "+&aV*mgE07O6l0ssL300001>i_`&00000003720ssI200Ke)0RR9100000Bme*aIB98aW&i*H00062000$fZf0cy000000RRAKc4ILB0000LX>"
    "Mj^0ssI300IC2MR;ju000004sdC7Z2$lO00031009PRaB^?}008A_aAR)(004Dpc4I>U18@KU0FVFx0000U@BsY%`1k+-"
    "4+CHT0RR|40Sp2E{{wIU00RJ!0009300RIXx&lC90096gLID8-"
    "Z~y=U0FVFx0{{R603M(qfd!W8uA1iHA)vs3000bt00093gkk^z00u+>!E?ch0000JV{dG7ZewhC0096E00w{n000zeb8uw<00000002M$002M$"
    "001asY+-"
    "N!000;O00031000mG00061|Nqzk00092|Nqbc00062000nhX?SS>000032nYxO000STa&L440000PX>e^}0000000001009Pp0s{qvh5!Hn8fk"
    "K6W&i*H000004r63<V*mmG0RRC2004t+WMOmw002`c0k0Dwrc7w{Ai!X>dmDqF+3@<~<3RTM_KkY+enRlg>mr*79xzNtz5CfV;Pm|e{wo3p0Us"
    "q$4i4RcCsG6nyFmO~8*oVSk_Uff*_@M0#drV!00u>PX=VTbO-%qQ000080099K00RI30096700000000"
)
ROWS, COLUMNS = np.mgrid[0:16, 0:24]
PICTURE = np.stack([ROWS * 15, COLUMNS * 10, (ROWS + COLUMNS) * 6], axis=-1)
installed = pytest.mark.skipif(
    not any(importlib.util.find_spec(name) for name in ("pi_heif", "pillow_heif")), reason="needs pi-heif"
)


@installed
def test_pixels():
    pixels, flags = decode(HEIC)
    assert flags == ()
    assert pixels.shape == (16, 24, 3)
    assert np.abs(pixels - PICTURE).mean() < 8


@installed
def test_turned_by_its_own_properties():
    pixels, flags = decode(TURNED)
    assert flags == ("exif-rotated",)
    assert np.abs(pixels - np.rot90(PICTURE, -1)).mean() < 8


@installed
def test_damage_and_cuts_are_refused():
    for length in range(40, len(HEIC), 31):
        with pytest.raises(ImageError):
            decode(HEIC[:length])
    with pytest.raises(ImageError, match="damaged HEIC"):
        decode(HEIC[:-90] + bytes(90))


def test_a_missing_plugin_names_the_extra(monkeypatch):
    for name in ("pi_heif", "pillow_heif"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImageError, match=r"HEIC .*pip install 'imgprep\[heif\]'"):
        decode(HEIC)


def test_the_size_is_checked_before_a_plugin_sees_the_file(monkeypatch):
    for name in ("pi_heif", "pillow_heif"):
        monkeypatch.setitem(sys.modules, name, None)
    at = HEIC.index(b"ispe") + 8
    with pytest.raises(ImageError, match=r"HEIC declares .* over the limit"):
        decode(HEIC[:at] + struct.pack(">II", 60_000, 60_000) + HEIC[at + 8 :])
    with pytest.raises(ImageError, match="over the limit of 100"):
        decode(HEIC, DecodeOptions(max_pixels=100))


def test_it_is_told_from_avif():
    assert sniff(HEIC).name == "HEIC"
    assert sniff(HEIC.replace(b"miaf", b"avif", 1)).name == "AVIF"
