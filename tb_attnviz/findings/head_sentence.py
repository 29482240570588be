"""Head's sentence: all that is told of one head at a step."""

from collections.abc import Mapping

from tb_attnviz.findings import words
from tb_attnviz.findings.finding import Finding
from tb_attnviz.findings.kinds import Kind


def head_sentence(
    name: str, findings: list[Finding], kinds: Mapping[str, Kind], *, wrong: str = "", rest: str = ""
) -> str:
    """What is wrong with the head called `name`, what it does since when by its `findings`, and the rest.

    It has all that the head is called: what the words about a kind do not say themselves stands behind the name. With
    `wrong`, which says since when something is wrong, no trouble has another time.
    """
    own = sorted(findings, key=lambda one: one.kind == "copy")
    unsaid = [one.title for one in own if not kinds[one.kind].beside and one.title not in one.sentence]
    called = f" ({', '.join(unsaid)})" if unsaid else ""
    beyond = words.beyond_all([(kinds[one.kind], one.texts, one.value) for one in own])
    said = [one.sentence for one in own]
    if beyond:
        said = [words.if_any(kinds[one.kind], one.texts, one.sentence, one.amount) for one in own]
    times = {one.when for one in own}
    once = len(own) > 1 and len(times) == 1 and "" not in times and not any(one.trouble for one in own)
    timed = [
        text if once or (wrong and one.trouble) else _with_time(text, one) for text, one in zip(said, own, strict=True)
    ]
    does = words.listed(timed) if own else ""
    if once:
        does += f", {'both' if len(own) == 2 else 'all'} {own[0].when}"
    if beyond and all(text == one.sentence for text, one in zip(said, own, strict=True)):
        does += "; some tokens count for more than one of these"
    if wrong:
        does = f"{wrong}; it {does}" if does else wrong
    return f"{name}{called} {does or 'does nothing that has a name'}{rest}."


def _with_time(sentence: str, finding: Finding) -> str:
    """`sentence` with the time in it: of trouble before what explains it."""
    says, colon, why = sentence.partition(": ") if finding.trouble else (sentence, "", "")
    return f"{says}{' ' if colon else ', '}{finding.when}{colon}{why}" if finding.when else sentence
