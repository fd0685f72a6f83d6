"""Which column of a file is which field: the fields that a file can fill, guesses from the header, and what a person chose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from segsync.rules.cleaning_text import word

CUSTOM: Final = "custom:"
"""Stands before the key of a custom field."""
DATE_ORDERS: Final = {
    "": "as written, where it is clear",
    "dmy": "day first (31/12/1980)",
    "mdy": "month first (12/31/1980)",
}

CONTACT_LABELS: Final = {
    "email": "E-mail",
    "phone": "Phone",
    "first_name": "First name",
    "last_name": "Last name",
    "gender": "Gender",
    "birth_date": "Birth date",
    "city": "City",
    "region": "Region or state",
    "postal_code": "Postal code",
    "country": "Country",
    "mobile_ad_id": "Mobile advertising id",
    "external_id": "External id",
    "company_domain": "Company's domain",
    "company_external_id": "Company's external id",
    "subscription": "Subscription",
    "ad_user_data": "Consent: data for advertising",
    "ad_personalization": "Consent: personalised advertising",
    "tags": "Tags",
    "idfv": "Linked device: IDFV (Apple)",
    "android_id": "Linked device: Android ID",
}
COMPANY_LABELS: Final = {
    "name": "Name",
    "company_domain": "Domain",
    "organization_urn": "LinkedIn organization",
    "industry": "Industry",
    "employees": "Employees",
    "city": "City",
    "region": "Region or state",
    "country": "Country",
    "external_id": "External id",
    "tags": "Tags",
}
LABELS: Final = {"contact": CONTACT_LABELS, "company": COMPANY_LABELS}

# Words of headers in English, German, French and Spanish, as `word` makes them: lower-case, without accents and marks.
_COMMON = {
    "city": "city town ort stadt wohnort ville ciudad localidad poblacion",
    "region": "region state province county bundesland kanton land1 departement etat provincia estado stateprovince",
    "country": "country countrycode land staat nation pays codepays pais landeskurzel landcode countryregion",
    "tags": "tags tag labels label schlagworte schlagwort etiquettes etiquetas",
}
_CONTACT = _COMMON | {
    "email": "email emailaddress emailadresse mail mailadresse adressemail courriel courrielelectronique adresseemail "
    "correo correoelectronico direcciondecorreo emailprimary primaryemail workemail emailwork eadresse",
    "phone": "phone phonenumber telephone tel telefon telefonnummer rufnummer mobile mobilephone mobilenumber cell cellphone "
    "handy handynummer mobil mobiltelefon mobilnummer portable numerodetelephone movil telefono numerodetelefono celular "
    "phoneprimary workphone",
    "first_name": "firstname givenname forename vorname prenom nombre fname first",
    "last_name": "lastname surname familyname nachname familienname nom nomdefamille apellido apellidos lname last",
    "gender": "gender sex geschlecht genre sexe genero sexo anrede civilite salutation",
    "birth_date": "birthdate dateofbirth birthday dob geburtsdatum geburtstag datedenaissance naissance fechadenacimiento "
    "nacimiento cumpleanos",
    "postal_code": "postalcode postcode zip zipcode plz postleitzahl codepostal cp codigopostal",
    "mobile_ad_id": "mobileadid mobileadvertisingid madid maid idfa gaid aaid advertisingid adid werbeid",
    "idfv": "idfv idfvs identifierforvendor vendorid vendoridentifier iosvendorid",
    "android_id": "androidid androidids androiddeviceid ssaid",
    "external_id": "externalid id customerid contactid userid crmid kundennummer kundennr kundenid numeroclient idclient "
    "clientid idcliente numerodecliente clienteid externeid idexterne",
    "company_domain": "companydomain domain website companywebsite webseite firmendomain domaine siteweb sitioweb dominio",
    "company_external_id": "companyid companyexternalid accountid firmennummer firmenid idsociete identreprise idempresa",
    "subscription": "subscription subscribed subscriptionstatus newsletter optin emailoptin abonniert newsletterstatus abonne "
    "suscrito suscripcion status",
    "ad_user_data": "aduserdata adconsent advertisingconsent marketingconsent consent einwilligung werbeeinwilligung "
    "consentement consentimiento",
    "ad_personalization": "adpersonalization adpersonalisation personalizationconsent personalisierung",
}  # fmt: skip
_COMPANY = _COMMON | {
    "name": "name companyname company firma firmenname unternehmen organisation organization societe entreprise "
    "nomdelentreprise empresa nombredelaempresa accountname account",
    "company_domain": "companydomain domain website companywebsite url webseite internet homepage firmendomain domaine siteweb "
    "sitioweb web dominio",
    "organization_urn": "organizationurn linkedinorganization linkedinid linkedinorganizationid linkedinurn",
    "industry": "industry branche industrie sector secteur sectoractividad industria wirtschaftszweig",
    "employees": "employees employeecount numberofemployees headcount size mitarbeiter mitarbeiterzahl anzahlmitarbeiter "
    "effectif salaries nombredesalaries empleados numerodeempleados",
    "external_id": "externalid id companyid companyexternalid accountid crmid kundennummer firmennummer firmenid idsociete "
    "identreprise idempresa",
}  # fmt: skip
_WORDS: Final = {
    subject: {known: name for name, words in table.items() for known in words.split()}
    for subject, table in (("contact", _CONTACT), ("company", _COMPANY))
}


@dataclass(frozen=True)
class Custom:
    """A custom field as an import needs it."""

    key: str
    label: str
    type: str


@dataclass(frozen=True)
class ColumnMap:
    """What a person chose. `targets` has one field (or '') for each column; `clear` are fields that an empty cell empties."""

    targets: tuple[str, ...]
    clear: frozenset[str] = field(default_factory=frozenset)
    date_order: str = ""

    def as_json(self) -> dict[str, Any]:
        """For keeping it."""
        return {**asdict(self), "targets": list(self.targets), "clear": sorted(self.clear)}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> ColumnMap:
        """What was kept."""
        return cls(tuple(kept["targets"]), frozenset(kept["clear"]), kept["date_order"])


def guess(subject: str, columns: Sequence[str], custom: Sequence[Custom] = ()) -> list[str]:
    """A field for each column, '' where nothing fits. No field is guessed twice: the first column that fits has it."""
    own = {word(each.key): CUSTOM + each.key for each in custom} | {
        word(each.label): CUSTOM + each.key for each in custom
    }
    known = own | _WORDS[subject] | {word(name): name for name in LABELS[subject]}
    taken: set[str] = set()
    guesses = []
    for column in columns:
        target = known.get(word(column), "")
        guesses.append("" if target in taken else target)
        taken.add(target)
    return guesses


def label(subject: str, target: str, custom: Sequence[Custom] = ()) -> str:
    """A field as people know it."""
    if target.startswith(CUSTOM):
        return next((each.label for each in custom if CUSTOM + each.key == target), target.removeprefix(CUSTOM))
    return LABELS[subject].get(target, target)
