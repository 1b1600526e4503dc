"""An LSU file of invented people, and ways to spoil it one line at a time."""

from pathlib import Path

NAMESPACE = "urn:fr:edu:scolarite:lsun:bilans:import"
SCHOOL = "0990001N"
OTHER_SCHOOL = "0990002P"
LEA, MAEL = "123456789AB", "0123456789C"

VALID = f"""<?xml version="1.0" encoding="UTF-8"?>
<lsun-bilans xmlns="{NAMESPACE}" schemaVersion="1.0">
  <entete>
    <editeur>Éditeur</editeur>
    <application>Cahier</application>
    <etablissement>{SCHOOL}</etablissement>
  </entete>
  <donnees>
    <directeurs>
      <directeur id="D_1" civilite="MME" nom="D’ARC" prenom="Zoé"/>
    </directeurs>
    <classes>
      <classe id="G_1" id-be="123456" libelle="CE2 B"/>
      <classe id="G_2" id-be="654321"/>
    </classes>
    <eleves>
      <eleve id="E_1" ine="{LEA}" classe-ref="G_1" nom="DUPONT" prenom="Léa"/>
      <eleve id="E_2" ine="{MAEL}" classe-ref="G_2" nom="N’GUYEN" prenom="Maël"/>
    </eleves>
    <periodes>
      <periode id="P_1" millesime="2026" indice="1" nb-periodes="2" date-debut="2026-09-01" date-fin="2027-01-29"/>
      <periode id="P_2" millesime="2026" indice="2" nb-periodes="2" date-debut="2027-01-30" date-fin="2027-07-03"/>
    </periodes>
    <enseignants>
      <enseignant id="U_1" civilite="M" nom="LEMAÎTRE" prenom="Paul"/>
    </enseignants>
    <elements-programme>
      <element-programme id="EP_1" libelle="Lire à voix haute"/>
      <element-programme id="EP_2" libelle="Nombres jusqu’à 10 000"/>
    </elements-programme>
    <parcours-communs>
      <parcours-commun periode-ref="P_1" classe-ref="G_1">
        <parcours code="PAR_ART">Visite du musée.</parcours>
      </parcours-commun>
    </parcours-communs>
    <bilans-periodiques>
      <bilan-periodique eleve-ref="E_1" periode-ref="P_1" enseignant-refs="U_1" date-creation="2026-11-10" date-scolarite="2026-09-01" date-verrou="2026-11-20T18:00:00" directeur-ref="D_1">
        <liste-acquis>
          <acquis code-domaine="FRA-RAC">
            <appreciation>Léa lit avec aisance &amp; participe.</appreciation>
            <sous-domaines>
              <sous-domaine code-domaine="FRA-LEC" element-programme-refs="EP_1" positionnement="3"/>
              <sous-domaine code-domaine="FRA-ECR" non-evalue="true"/>
            </sous-domaines>
          </acquis>
          <acquis code-domaine="QLM-RAC" positionnement="2"/>
        </liste-acquis>
        <liste-parcours>
          <parcours code="PAR_CIT">Déléguée.</parcours>
        </liste-parcours>
        <modalites-accompagnement>
          <modalite-accompagnement code="PPRE">
            <complement-ppre>Calcul mental, 2 × 30 min.</complement-ppre>
          </modalite-accompagnement>
          <modalite-accompagnement code="PAP"/>
        </modalites-accompagnement>
        <appreciation-generale>Bon semestre.
Continuez ainsi.</appreciation-generale>
        <socle>
          <domaine code="CPD_FRA" positionnement="3"/>
          <domaine code="CPD_ETR"/>
          <domaine code="CPD_SCI" positionnement="4"/>
          <domaine code="CPD_ART" positionnement="3"/>
          <domaine code="MET_APP" positionnement="3"/>
          <domaine code="FRM_CIT" positionnement="4"/>
          <domaine code="SYS_NAT" positionnement="3"/>
          <domaine code="REP_MND" positionnement="0"/>
        </socle>
        <responsables>
          <responsable civilite="MME" nom="SECRET" prenom="Céline" lien-parente="MERE">
            <adresse ligne1="1 rue de Test" code-postal="21000" commune="DIJON"/>
          </responsable>
        </responsables>
      </bilan-periodique>
      <bilan-periodique eleve-ref="E_2" periode-ref="P_1" enseignant-refs="U_1" date-creation="2026-11-10" date-scolarite="2026-09-01" date-verrou="2026-11-21T09:30:00+01:00" directeur-ref="D_1">
        <liste-acquis>
          <acquis code-domaine="STC-RAC" positionnement="4" element-programme-refs="EP_1 EP_2"/>
        </liste-acquis>
        <appreciation-generale>Très bien.</appreciation-generale>
      </bilan-periodique>
    </bilans-periodiques>
    <bilans-cycle>
      <bilan-cycle eleve-ref="E_1" cycle="2" millesime="2026" enseignant-refs="U_1" date-creation="2026-11-12" date-verrou="2026-11-20T12:00:00" directeur-ref="D_1">
        <socle>
          <domaine code="CPD_FRA" positionnement="3"/>
          <domaine code="CPD_ETR" positionnement="2"/>
          <domaine code="CPD_SCI" positionnement="4"/>
          <domaine code="CPD_ART" positionnement="3"/>
          <domaine code="MET_APP" positionnement="3"/>
          <domaine code="FRM_CIT" positionnement="4"/>
          <domaine code="SYS_NAT" positionnement="3"/>
          <domaine code="REP_MND" positionnement="0"/>
        </socle>
        <synthese>Attendus atteints.</synthese>
      </bilan-cycle>
    </bilans-cycle>
  </donnees>
</lsun-bilans>
"""


def spoiled(before: str, after: str, *, within: str = VALID) -> tuple[bytes, int]:
    """The file with the first `before` replaced, and the line where the replacement begins."""
    place = within.index(before)
    kept = len(before) - len(before.lstrip("\n"))
    line = within.count("\n", 0, place + kept) + 1
    return (within[:place] + after + within[place + len(before) :]).encode(), line


def write(folder: Path, content: bytes | str = VALID, name: str = "bilans.xml") -> Path:
    """The content as a file of that folder."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path
