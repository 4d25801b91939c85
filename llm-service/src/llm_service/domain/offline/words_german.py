"""German words that mixed questions have, each by the English words of the lexicon that say the same."""

from typing import Final

from llm_service.domain.offline.token import tokenize

_QUESTIONS: Final = (
    "wie=how|viel=much|wieviel=how much|viele=many|wieviele=how many|oft=often|häufig=often|lange=long|wann=when"
    "|welche=which|welcher=which|welches=which|welchen=which|welchem=which|wer=who|zeig=show|zeige=show|gib=give"
    "|mir=me|uns=us|bitte=please|danke=thanks|vergleiche=compare|vergleich=compare|verglichen=compared"
    "|unterschied=difference"
    "|hallo=hello|moin=hello|guten=good|mal=please|denn=please|eigentlich=please|wieso=why|warum=why|ob=whether"
)
_VERBS: Final = (
    "ist=is|sind=are|waren=were|wurde=was|wurden=were|wird=is|hatte=had|hatten=had|haben=have|gibt=is there"
    "|gab=was there"
    "|verbraucht=used|gebraucht=used|läuft=is running|laufen=running|lief=ran|liefen=ran|gelaufen=ran|steht=is idle"
    "|stehen=idle|stand=stood idle|standen=stood idle|gestanden=stood idle|stillgestanden=stood idle|schweißt=welds"
    "|geschweißt=welded|schweißen=welding|gemacht=made|liegt=is|lag=was|betrug=was|beträgt=is|gestiegen=rose"
    "|gesunken=fell"
    "|gefallen=fell|steigt=rising|sinkt=falling|überschritten=exceeded|überschritt=exceeded|unterschritten=fell below"
)
_SMALL: Final = (
    "von=of|vom=of the|der=the|das=the|dem=the|den=the|des=of the|ein=a|eine=a|einen=a|einer=a|einem=a|im=in the"
    "|auf=on|bei=on"
    "|für=for|und=and|oder=or|nicht=not|kein=no|keine=no|keinen=no|ohne=without|nur=only|auch=also"
    "|zwischen=between|beim=while|zuletzt=last|länger=longer|kürzer=shorter"
    "|seit=since|bis=until|nach=after|vor=before|während=during|über=above|unter=below|unterhalb=below|oberhalb=above"
    "|größer=greater|kleiner=smaller|höher=higher|niedriger=lower|mehr=more|weniger=less|mit=with|aus=off"
    "|außer=except"
    "|pro=per|jede=each|jeder=each|jedes=each|jeden=each|beide=both|beiden=both|alles=everything|zusammen=together"
    "|insgesamt=in total|gesamt=total|gesamte=total|gesamten=total|es=it|sie=it|ihre=its|seine=its"
)
_TIMES: Final = (
    "heute=today|gestern=yesterday|vorgestern=the day before yesterday|jetzt=now|gerade=now|aktuell=currently"
    "|aktuelle=latest|aktuellen=latest|derzeit=currently|momentan=currently|letzte=last|letzten=last|letzter=last"
    "|letztes=last"
    "|vergangenen=last|morgens=in the morning|vormittag=morning|vormittags=in the morning|früh=morning"
    "|nachmittag=afternoon"
    "|nachmittags=in the afternoon|abend=evening|abends=in the evening|nacht=night|nachts=at night|mittag=noon"
    "|mitternacht=midnight"
    "|uhr=o'clock|sekunde=second|sekunden=seconds|minute=minute|minuten=minutes|stunde=hour|stunden=hours|tag=day"
    "|tage=days"
    "|tagen=days|woche=week|wochen=weeks|stündlich=hourly|stündliche=hourly|stündlichen=hourly|täglich=daily"
    "|januar=january|jänner=january|februar=february|märz=march|maerz=march|mai=may|juni=june|juli=july|oktober=october"
    "|dezember=december"
    "|montag=monday"
    "|dienstag=tuesday|mittwoch=wednesday|donnerstag=thursday|freitag=friday|samstag=saturday|sonntag=sunday"
    "|uhrzeit=what time"
)
_MEASURES: Final = (
    "durchschnitt=average|durchschnittlich=average|durchschnittliche=average|durchschnittlichen=average"
    "|mittelwert=mean"
    "|mittlere=mean|mittlerer=mean|mittleren=mean|maximal=maximum|maximale=maximum|maximaler=maximum"
    "|maximalen=maximum"
    "|minimal=minimum|minimale=minimum|minimaler=minimum|höchste=highest|höchster=highest|höchsten=highest"
    "|höchstwert=maximum"
    "|niedrigste=lowest|niedrigster=lowest|niedrigsten=lowest|tiefste=lowest|größte=greatest|größten=greatest"
    "|kleinste=smallest"
    "|meiste=most|meisten=most|wenigste=fewest|wenigsten=fewest|längste=longest|längsten=longest|kürzeste=shortest"
    "|heißeste=hottest|heißesten=hottest|wärmste=hottest|wärmsten=hottest|kälteste=coldest|heißer=hotter"
    "|wärmer=hotter"
    "|kälter=colder|heiß=hot|summe=total|standardabweichung=standard deviation|streuung=standard deviation"
    "|anzahl=number of"
    "|anteil=share|prozent=percent|verlauf=trend|schlechteste=worst|beste=best|besten=best|schlechter=worse"
    "|besser=better"
)
_FIELDS: Final = (
    "stromverlauf=current trend|temperaturverlauf=temperature trend|spannungsverlauf=voltage trend|strom=current"
    "|schweißstrom=current|stromstärke=current|spannung=voltage|temperatur=temperature"
    "|temperaturen=temperatures"
    "|höchsttemperatur=maximum temperature|durchschnittstemperatur=mean temperature|drahtvorschub=wire feed"
    "|vorschub=wire feed"
    "|draht=wire|drahtverbrauch=wire consumption|gasfluss=gas flow|gasdurchfluss=gas flow|schutzgas=shielding gas"
    "|gasverbrauch=gas consumption|stromverbrauch=energy consumption|energieverbrauch=energy consumption"
    "|energie=energy"
    "|leistung=power|durchfluss=flow|drehzahl=speed|füllstand=level|feuchte=humidity|druck=pressure|qualität=quality|liter=litres"
)
_SHOP: Final = (
    "maschine=machine|maschinen=machines|anlage=machine|anlagen=machines|gerät=device|geräte=devices"
    "|schweißgerät=welder"
    "|schweißgeräte=welders|schweißmaschine=welding machine|schweißmaschinen=welding machines|halle=hall|hallen=halls"
    "|stillstand=standstill|stillstände=stops|stillstandszeit=downtime|pause=pause|pausen=pauses"
    "|laufzeit=running time"
    "|betriebszeit=running time|schweißzeit=welding time|auslastung=utilization|einschaltdauer=duty cycle"
    "|störung=fault"
    "|störungen=faults|auffällig=unusual|auffälligkeit=anomaly|auffälligkeiten=anomalies|anomalie=anomaly"
    "|anomalien=anomalies"
    "|ausschuss=defects|ausschussquote=defect rate|ausschussrate=defect rate|fehlerquote=defect rate"
    "|fehlerrate=defect rate"
    "|fehler=defects|fehlerhaft=defective|schlecht=bad|schlechte=bad|schlechten=bad|gute=good|poren=porosity"
    "|porosität=porosity"
    "|porös=porous|messwerte=readings|messwert=reading|werte=values|wert=value|daten=data"
)
# Words that are English ones, too, or names: they are German only beside one of the others.
# "Still" belongs to "stand", which says it all.
_SHARED: Final = (
    "die=the|war=was|hat=has|an=on|am=on the|ab=from|um=at|zu=to|als=than|so=so|alle=all|gut=good"
    "|in=in|zum=to the|still=please|hoch=please"
)


def _spelled(word: str) -> set[str]:
    """A word with its umlauts, and as it is typed without them."""
    plain = word.replace("ä", "ae").replace("ö", "oe").replace("ü", "ue").replace("ß", "ss")
    return {word, plain}


def _table(*lists: str) -> dict[str, tuple[str, ...]]:
    pairs = (pair.split("=") for each in lists for pair in each.split("|"))
    return {
        spelling: tuple(each.text for each in tokenize(english))
        for german, english in pairs
        for spelling in _spelled(german)
    }


GERMAN: Final = _table(_QUESTIONS, _VERBS, _SMALL, _TIMES, _MEASURES, _FIELDS, _SHOP)
"""English words by the German one that says the same, for words that are none in English."""
SHARED: Final = _table(_SHARED)
"""The same for words that are English ones, too."""
