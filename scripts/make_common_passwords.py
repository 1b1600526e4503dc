"""Writes idp/passwords/common_passwords.txt: what people type first when a policy asks for a capital and a digit.

Made from patterns alone (a familiar word or keyboard row, then familiar digits), so that nothing in it was
anybody's password in a leak. Run again after changing the words: python scripts/make_common_passwords.py
"""

from itertools import product
from pathlib import Path

TARGET = Path(__file__).parent.parent / "idp" / "passwords" / "common_passwords.txt"
SHORTEST, LONGEST = 8, 16

WORDS = """
azerty azertyuiop qwerty qwertyuiop qwertz qsdfgh wxcvbn azer aqwzsx
motdepasse mdp password passe secret bonjour bonsoir salut coucou bienvenue welcome hello
admin administrateur utilisateur parent parents maman papa famille enfant enfants bebe
ecole college lycee classe eleve maitresse directeur directrice rentree vacances cartable livret
livretscolaire compteecole connexion education cantine periscolaire
soleil lune etoile ciel nuage plage montagne jardin fleur rose tulipe marguerite
chocolat fraise cerise banane vanille caramel bonbon gateau
chat chien lapin cheval tigre lion dauphin loulou minou princesse prince doudou nounours
football rugby tennis basket judo danse musique guitare piano
amour jetaime bisous bisou cheri cherie coeur amitie bonheur liberte
marseille paris lyon toulouse bordeaux nantes lille strasbourg rennes nice montpellier france bretagne
corse normandie provence martinique guadeloupe reunion mayotte guyane
printemps ete automne hiver janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre
lundi mardi mercredi jeudi vendredi samedi dimanche
camille nicolas thomas julien marie sophie celine julie lea emma chloe louis lucas hugo enzo nathan maxime
alexandre antoine mathieu sarah manon laura pauline charlotte isabelle nathalie sandrine valerie stephanie
pokemon starwars superman batman spiderman naruto
voiture maison bateau avion ordinateur telephone internet orange
abcdef abcdefgh abcd abc test essai demo
""".split()

DIGITS = "1 2 01 10 12 13 33 59 69 75 123 007 111 777 1234 0000 1111 12345 123456".split()
DIGITS += [str(year) for year in range(2015, 2031)]


def common_passwords() -> list[str]:
    """Every capitalised word followed by every digits, where the length rule lets them through; sorted."""
    found = {word.capitalize() + digits for word, digits in product(WORDS, DIGITS)}
    return sorted(text for text in found if SHORTEST <= len(text) <= LONGEST)


if __name__ == "__main__":
    TARGET.write_text("\n".join(common_passwords()) + "\n", encoding="ascii")
