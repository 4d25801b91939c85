"""The offline provider's phrases in English about since when, for which stretches and whether something holds."""

from collections.abc import Sequence
from typing import Final

from llm_service.domain.offline.phrases_states import (
    Doing,
    FarExtreme,
    MeanTime,
    Place,
    StandingSince,
    Stretch,
    Versus,
)
from llm_service.domain.offline.shared_wording import SharedWording

_SIDES: Final = {-1: "is lower than usual", 0: "is usual", 1: "is higher than usual"}
_ENDS: Final = {True: "highest", False: "lowest"}


class EnglishStates(SharedWording):
    """Phrases in English; see the port for what each says."""

    def stretches(self, count: int, total: str, listed: Sequence[Stretch]) -> str:
        """List stretches."""
        head = f"In {count} stretch{'es' * (count != 1)}, {total} in all"
        head += f"; the {len(listed)} longest:" if count > len(listed) else ":"
        return "\n".join([head, *(f"- {each.begin} to {each.end} ({each.length})" for each in listed)])

    def latest_stretches(self, number: int, count: int, listed: Sequence[Stretch], *, whole: bool) -> str:
        """List the last ones."""
        head = f"The last {number} of {count}:"
        if not whole:
            head = f"I can't pick out the last {number} of {count}; these are the {len(listed)} longest"
            head += " (name a shorter time):"
        return "\n".join([head, *(f"- {each.begin} to {each.end} ({each.length})" for each in listed)])

    def gaps(self, device: str, count: int, total: str, listed: Sequence[Stretch], longest: Stretch | None) -> str:
        """List gaps."""
        if not count:
            return f"Between the readings of {device} there is no gap."
        what = "is 1 gap" if count == 1 else f"are {count} gaps"
        head = f"Between the readings of {device} there {what}, {total} in all"
        head += f", the longest {longest.length} from {longest.begin} on" if longest and count > 1 else ""
        head += f"; the {len(listed)} longest:" if count > len(listed) else ":"
        return "\n".join(
            [head, *(f"- {each.begin} to {each.end} {self.times.name} ({each.length})" for each in listed)]
        )

    def lost_readings(self, count: int, every: str) -> str:
        """Say how many readings gaps are."""
        return f"With a reading every {every} s that is about {count} reading{'s' * (count != 1)} missing."

    def time_column(self) -> str:
        """Name the column of times."""
        return f"time ({self.times.name})"

    def last_stretch(self, last: Stretch, *, ongoing: bool) -> str:
        """Tell the last stretch."""
        if ongoing:
            return f"The last time began at {last.begin} {self.times.name} and goes on ({last.length} so far)."
        return f"The last time began at {last.begin} {self.times.name} and lasted {last.length}."

    def since(self, device: str, where: str, last: Stretch, seen: str) -> str:
        """Say since when."""
        text, zone = where.removeprefix("where "), self.times.name
        return (
            f"{text} on {device} since {last.begin} {zone}, for {last.length} until its last reading ({seen} {zone})."
        )

    def no_longer(self, device: str, where: str, last: Stretch) -> str:
        """Say that it is over."""
        text, zone = where.removeprefix("where "), self.times.name
        ended = f"it last did from {last.begin} to {last.end} {zone} ({last.length})"
        return f"{text} does not hold on {device} at its last reading; {ended}."

    def never(self, device: str, where: str, period: str) -> str:
        """Say that it never held."""
        return f"{where.removeprefix('where ')} does not hold on {device}, and never did {period}."

    def holding(self, fitting: Sequence[str], count: int, where: str) -> str:
        """Say which devices fit."""
        text = where.removeprefix("where ")
        named = f": {', '.join(fitting)}" if fitting else ""
        return f"{len(fitting)} of {count} devices fit {text}{named}."

    def holds(self, device: str, *, fits: bool | None, values: Sequence[str], time: str) -> str:
        """Say whether a device fits."""
        lead = "" if fits is None else "Yes: " if fits else "No: "
        return f"{lead}{device} has {', '.join(values)} ({time} {self.times.name})."

    def versus(self, told: Versus, listed: Sequence[Stretch], count: int) -> str:
        """Set one device against another."""
        first, second = told.devices
        side = "above" if told.above else "below"
        head = (
            f"{told.field} of {first} is {side} that of {second} {told.period} in {told.held} of {told.count} "
            f"intervals of {told.width} ({told.share} %, {told.length} in all), compared by their means"
        )
        if not listed:
            return f"{head}."
        head += f"; the {len(listed)} longest of {count} stretches:" if count > len(listed) else ":"
        return "\n".join([head, *(f"- {each.begin} to {each.end} ({each.length})" for each in listed)])

    def arc_power(self, device: str, period: str, value: str, *, energy: bool) -> str:
        """State power or energy."""
        what = "energy (mean power × time)" if energy else "mean power"
        return f"The {what} of the arc (voltage × current) of {device} {period} is {value}."

    def which_time(
        self, name: tuple[str, str, str], told: Sequence[tuple[str, str]], *, lowest: bool, same: bool
    ) -> str:
        """Say which time it is."""
        (first, value), (second, other) = told
        devices, number, where = name
        named = f"The {number} of {devices} {where}".rstrip()
        if same:
            return f"{named} is the same in both: {value} {first} and {second}."
        side = "lower" if lowest else "higher"
        return f"{named} is {side} {first}: {value}, against {other} {second}."

    def standing_since(self, told: StandingSince) -> str:
        """Say since when it runs or stands."""
        zone = self.times.name
        state = f"been running ({told.condition})" if told.running else f"stood still ({told.condition})"
        seen = f"until its last reading ({told.seen} {zone})"
        if not told.begin:
            return f"{told.device} has {state} in all of its readings, {seen}."
        since = told.begin if told.known else f"its first reading, {told.begin}"
        before = f" Before that it stood still for {told.before.length}." if told.before else ""
        pausing = " At this moment it is in a short pause." if told.pausing else ""
        return f"{told.device} has {state} since {since} {zone}, for {told.length} {seen}.{before}{pausing}"

    def pauses_left_out(self, least: str) -> str:
        """Say what is no stop."""
        return f"Pauses shorter than {least} are no stops here."

    def pausing(self, line: str, length: str) -> str:
        """Say that it pauses."""
        return f"{line} It is in a short pause, of {length} so far, which is no stop."

    def running_ones(self, devices: Sequence[str], count: int, *, running: bool) -> str:
        """Say which run or stand."""
        state = "running" if running else "stopped"
        verb = "is" if len(devices) == 1 else "are"
        return f"{len(devices)} of {count} devices {verb} {state}{': ' if devices else ''}{', '.join(devices)}."

    def energy_estimated(self) -> str:
        """Say that no energy is measured."""
        return "No energy is measured; it is estimated from voltage and current:"

    def judged(self, place: Place, *, holds: bool) -> str:
        """Say where a value lies."""
        newest = ", the newest reading," if place.newest else ""
        begin = f"{'Yes' if holds else 'No'}: {place.value}{newest} {_SIDES[place.side]}"
        return (
            f"{begin} for the {place.field} of {place.device} {place.period}; "
            f"90 % of its readings lie between {place.low} and {place.high} (median {place.middle})."
        )

    def state(self, condition: str, *, running: bool) -> str:
        """Tell a state."""
        return f"- state: {'running' if running else 'stopped'} (running is {condition})"

    def newest_overview(self) -> str:
        """Explain the newest readings."""
        return (
            "This is an overview: the state now and the newest readings; name a time, such as “today”, for statistics."
        )

    def starts_told(self, words: str) -> str:
        """Explain starts."""
        return f"I read “{words}” as the end of a stop of at least 10 minutes; what is listed are such stops."

    def lasting_told(self, least: str) -> str:
        """Explain stops."""
        return (
            f"Counted are stops of at least {least}; shorter pauses are not counted "
            "(ask “including the short ones” for all)."
        )

    def at_once(
        self,
        devices: Sequence[str],
        where: str,
        period: str,
        total: str,
        listed: Sequence[Stretch],
        *,
        count: int,
        whole: bool,
    ) -> str:
        """Say when all were so."""
        text = f"{', '.join(devices[:-1])} and {devices[-1]} {period}: {where.removeprefix('where ')} at the same time"
        known = "" if whole else " (compared are the longest stretches of each, so there may be more)"
        if not count:
            return f"{text} not once{known}."
        times = "once" if count == 1 else f"{count} times"
        more = f"; the first {len(listed)}" if count > len(listed) else ""
        lines = (f"- {each.begin} to {each.end} ({each.length})" for each in listed)
        return "\n".join([f"{text} {times}, for {total} in all{known}{more}:", *lines])

    def of_which_lasting(self, count: int, least: str, total: str) -> str:
        """Say which of all stops last."""
        if not count:
            return f"None of them lasted {least}: these are pauses."
        return f"Of these {count} lasted at least {least}, {total} in all; the others are pauses."

    def single_readings(self, count: int) -> str:
        """Say that they are single readings."""
        what = "This is a single reading" if count == 1 else "These are single readings"
        return f"{what}, as of a sensor that errs for a moment: none lasted for longer than 2 seconds."

    def without_readings(self, length: str) -> str:
        """Say for how long there are no readings."""
        return f"For {length} of that time there are no readings."

    def oee_told(self, words: str) -> str:
        """Say which part is told."""
        return (
            f"{words} is availability × performance × quality. Told is what the readings know of availability: the "
            "share of the readings with the arc on (current >= 5). Planned production time and cycle times are not "
            "in the "
            "data, so performance is not known; for quality ask for the share of good readings."
        )

    def answered(self, text: str, *, holds: bool) -> str:
        """Put yes or no first."""
        return f"{'Yes' if holds else 'No'}: {text}"

    def doing(self, told: Doing, listed: Sequence[Stretch]) -> str:
        """State what it did."""
        pauses = f" (pauses of less than {told.least} included)" if told.least else ""
        head = f"{told.device} {told.period}: ran for {told.running} of {told.whole}{pauses}, "
        if not told.count:
            return f"{head}and did not stop for longer."
        stops = "1 stop" if told.count == 1 else f"{told.count} stops"
        more = f"; the {len(listed)} longest" if told.count > len(listed) else ""
        head += f"stopped for {told.stopped} in {stops}{more}:"
        return "\n".join([head, *(f"- {each.begin} to {each.end} ({each.length})" for each in listed)])

    def mean_time(self, told: MeanTime) -> str:
        """State a mean time."""
        least = f" {'of more than' if told.over else 'of at least'} {told.least}" if told.least else ""
        name = self.mean_time_name(repair=told.repair)
        if not told.count:
            return f"{told.device} {told.period} has no stop{least}, so there is no {name}."
        spent = f"{told.spent} {'stopped' if told.repair else 'not stopped'}"
        stops = "1 stop" if told.count == 1 else f"{told.count} stops"
        return f"The {name} of {told.device} {told.period} is {told.value} ({spent}, {stops}{least})."

    def mean_time_name(self, *, repair: bool) -> str:
        """Name a mean time."""
        return "mean length of a stop" if repair else "mean time between stops"

    def stops_alone(self) -> str:
        """Explain stops."""
        return "The readings show stops, not their reasons: failures are not told apart from other stops."

    def ratio(self, device: str, period: str, fields: tuple[str, str], value: str, means: tuple[str, str]) -> str:
        """State a ratio."""
        return (
            f"The ratio of {fields[0]} to {fields[1]} of {device} {period} is {value} "
            f"(by their means, {means[0]} to {means[1]})."
        )

    def not_drawn(self, words: str) -> str:
        """Explain that there is no picture."""
        return (
            f"This text holds no drawing (“{words}”), it tells what the readings show; the chat page has charts of "
            "them below the answer."
        )

    def maybe_before(self, first: str, begin: str) -> str:
        """Explain an edge."""
        edge = f"{first} is close to {begin}, where the range begins"
        return f"{edge}: it may have begun before, so this is no sure start."

    def overview(self) -> str:
        """Explain an overview."""
        return "I did not recognise what is asked about it, so this is an overview."

    def pooled(self, value: str) -> str:
        """State a number of all."""
        return f"Together: {value}."

    def most_anomalies(self, counts: Sequence[tuple[str, str]], *, lowest: bool) -> str:
        """Rank devices by their anomalies."""
        order = "fewest to most" if lowest else "most to fewest"
        return f"From {order} anomalies: {', '.join(f'{device} {times}' for device, times in counts)}."

    def groups(self, numbers: Sequence[tuple[str, str]], name: str) -> str:
        """State a number of each group."""
        named = f" ({name})" if name else ""
        return f"By group{named}: {', '.join(f'{label} {value}' for label, value in numbers)}."

    def of_rows(self, name: str, value: str, count: int) -> str:
        """State a number of all rows."""
        return f"Of these {count} numbers the {name} is {value}."

    def cut_short(self, time: str) -> str:
        """Say where rows end."""
        return f"No more rows fit into one answer: those after {time} {self.times.name} are left out."

    def presence(self, period: str, there: int, missing: Sequence[str]) -> str:
        """State who has readings."""
        have = "device has" if there == 1 else "devices have"
        none = f" without any: {', '.join(missing)}." if missing else ""
        told = f"{there} of {there + len(missing)} {have} readings {period}".strip()
        return f"{told};{none}" if missing else f"{told}; none is without."

    def has_readings(self, device: str, count: int) -> str:
        """State its number of readings."""
        return f"- {device}: {count} reading{'s' * (count != 1)}"

    def unbroken(self, device: str, stretch: Stretch) -> str:
        """State the longest time without a stop."""
        return f"{device} ran without a stop for {stretch.length} at most: {stretch.begin} to {stretch.end}."

    def defects_head(self, device: str, field: str) -> str:
        """Open bad stretches."""
        return f"What lasted on {device}, by its {field} (stretches of a minute or more):"

    def defect(self, label: str, stretch: Stretch) -> str:
        """Tell a bad stretch."""
        return f"- {label}: {stretch.begin} to {stretch.end} {self.times.name} ({stretch.length})"

    def spikes_head(self, device: str) -> str:
        """Open far readings."""
        return f"Single readings of {device} that lie far from the rest:"

    def spike(self, field: str, value: str, edge: str, time: str, *, highest: bool) -> str:
        """Tell a far reading."""
        side = "below" if highest else "above"
        return (
            f"- {field}: {'up' if highest else 'down'} to {value} at {time} {self.times.name} (99 % are {side} {edge})"
        )

    def of_labelled(self, field: str) -> str:
        """Say what shares are of."""
        return f"Only readings that have a {field} count here."

    def unlabelled(self, names: str, field: str) -> str:
        """Name devices without labels."""
        return f"No reading has a {field}: {names}."

    def label_count(self, label: str, readings: int, spells: int | None) -> str:
        """Tell how many readings have a label."""
        stretches = "" if spells is None else f" in {spells} stretch{'' if spells == 1 else 'es'}"
        return f"{label} {readings} reading{'' if readings == 1 else 's'}{stretches}"

    def prevalent(self, device: str, period: str, first: str, counts: Sequence[str], *, lowest: bool) -> str:
        """Say which label is the most."""
        told = f"the {'least' if lowest else 'most'} is {first}" if first else "there is as much of each"
        return f"{device} {period}: {told} ({'; '.join(counts)})."

    def of_fitting(self, where: str, shares: Sequence[str]) -> str:
        """Tell shares of the readings of a state."""
        return f"Of the readings {where}: {', '.join(shares)}."

    def periods_head(self, device: str, name: str) -> str:
        """Open ranked ranges."""
        return f"{name} of {device}, in the order of the ranking:"

    def rest_told(self) -> str:
        """Open numbers without far readings."""
        return "Without readings far from the rest:"

    def spikes_told(self) -> str:
        """Open extremes that lie far from the rest."""
        return "Single readings lie far from the rest, as of a sensor that errs for a moment:"

    def without_spike(self, told: FarExtreme) -> str:
        """Tell an extreme far from the rest, and what it is without."""
        at = f" ({told.rest_time})" if told.rest_time else ""
        without = f"; without readings beyond {told.bound} it is {told.rest}{at}" if told.rest else ""
        what = f"{told.name} of {told.device}: {told.value} at {told.time} {self.times.name}"
        return f"- {what}, while 99 % of the readings end at {told.edge}{without}"

    def order_without(self, ranked: Sequence[str]) -> str:
        """Rank without readings far from the rest."""
        return f"Without such readings the order is: {', '.join(ranked)}."

    def ends_head(self, device: str, period: str, field: str, count: int, *, highest: bool) -> str:
        """Open the highest or lowest readings."""
        what = "reading" if count == 1 else f"{count} readings"
        return f"The {what} of {device} with the {_ENDS[highest]} {field} {period}:"
