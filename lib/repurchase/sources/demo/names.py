"""Invented names, telephone numbers and addresses. No number here can be dialled: none that is
given out in China begins with 12."""

from __future__ import annotations

import numpy as np

from repurchase.sources.demo.draws import Ints, below, pick, uniform

_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏"
    "吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万"
)
_DOUBLE_SURNAMES = ("欧阳", "司马", "上官", "诸葛")
_GIVEN = (
    "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰鑫宇浩轩梓涵欣怡思雨晨曦子墨诗琪佳慧"
    "雅婷俊熙博文天佑若汐语嫣一诺可心嘉懿奕辰沐阳知远星辰清越安然云舒景行"
)
_FIRST = (
    "Emma", "Oliver", "Sophie", "James", "Anna", "Lucas", "Maria", "David", "Grace", "Tom",
    "Helen", "Peter", "Nina", "Daniel", "Julia", "Marco", "Alice", "Kevin", "Laura", "Ben",
)
_LAST = (
    "Smith", "Brown", "Miller", "Martin", "Weber", "Rossi", "Taylor", "Wilson", "Novak", "Silva",
    "Tanaka", "Garcia", "Olsen", "Dubois", "Keller", "Murphy", "Kowalski", "Lee", "Chan", "Ng",
)
_COMPANY_MIDDLE = ("云岭", "启明", "和润", "远帆", "恒信", "嘉禾", "北辰", "海棠", "立方", "知行")
_COMPANY_TRADE = ("科技", "文化传媒", "餐饮管理", "酒店", "物业服务", "设计咨询", "教育", "商贸")
INDUSTRIES = ("科技", "传媒", "餐饮", "酒店", "物业", "咨询", "教育", "商贸")
_CITIES = ("上海", "广州", "深圳", "北京", "成都", "杭州", "重庆", "南京")


def person_names(numbers: Ints, *, seed: int, purpose: str) -> list[str]:
    """A name for each number: six of seven Chinese, the others as a passport would spell them."""
    kind = uniform(seed, f"{purpose}/name-kind", numbers)
    # Early surnames are common: the square makes the list's head likelier.
    surname = below(uniform(seed, f"{purpose}/surname", numbers) ** 1.6, len(_SURNAMES))
    double = below(uniform(seed, f"{purpose}/double", numbers), len(_DOUBLE_SURNAMES))
    first = below(uniform(seed, f"{purpose}/given-1", numbers), len(_GIVEN))
    second = below(uniform(seed, f"{purpose}/given-2", numbers), len(_GIVEN))
    west = below(uniform(seed, f"{purpose}/first", numbers), len(_FIRST))
    east = below(uniform(seed, f"{purpose}/last", numbers), len(_LAST))
    names = []
    for k, s, d, g, h, w, e in zip(kind, surname, double, first, second, west, east, strict=True):
        if k < 0.14:
            names.append(f"{_FIRST[w]} {_LAST[e]}")
        elif k < 0.15:
            names.append(_DOUBLE_SURNAMES[d] + _GIVEN[g])
        else:
            names.append(_SURNAMES[s] + _GIVEN[g] + (_GIVEN[h] if k < 0.85 else ""))
    return names


def company_names(numbers: Ints, *, seed: int) -> list[str]:
    """A firm's name for each number: city, word, trade."""
    city = below(uniform(seed, "firm/city", numbers), len(_CITIES))
    middle = below(uniform(seed, "firm/middle", numbers), len(_COMPANY_MIDDLE))
    trade = trades(numbers, seed=seed)
    return [
        f"{_CITIES[c]}{_COMPANY_MIDDLE[m]}{_COMPANY_TRADE[t]}有限公司"
        for c, m, t in zip(city, middle, trade, strict=True)
    ]


def trades(numbers: Ints, *, seed: int) -> Ints:
    """The row of INDUSTRIES for each number."""
    return pick(uniform(seed, "firm/trade", numbers), np.ones(len(_COMPANY_TRADE)))


def telephones(numbers: Ints) -> list[str]:
    """Eleven digits for each number, none of which exists."""
    return [f"12{(int(number) * 7_368_787 + 104_729) % 1_000_000_000:09d}" for number in numbers]
