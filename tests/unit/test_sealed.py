"""What the schemas say is personal: which fields, whose key, under which path."""

from schemas import contract, sealed


def test_the_fields_marked_in_the_schema_are_the_ones_sealed() -> None:
    shape = sealed.shape_of("jejak.MembershipClaimed")

    assert {(field.name, field.owner) for field in shape.sealed} == {
        ("national_id", "person"),
        ("name", "person"),
        ("birth_day", "person"),
    }


def test_the_path_of_an_inner_field_names_the_records_it_lies_in() -> None:
    shape = sealed.shape_of("jejak.GroundCheckRecorded")

    family, individuals = dict(shape.records)["family"], dict(shape.lists)["individuals"]
    assert {field.path for field in family.sealed} >= {"family.geotag", "family.head_name"}
    assert {field.path for field in individuals.sealed} == {
        "individuals.national_id",
        "individuals.name",
        "individuals.birth_day",
    }


def test_no_sealed_field_of_any_record_is_overlooked() -> None:
    def marked(name: str) -> int:
        return sum("sealed" in field for field in contract.sources()[name]["fields"])

    def found(shape: sealed.Shape) -> int:
        return len(shape.sealed) + sum(found(inner) for _, inner in (*shape.records, *shape.lists))

    own = {name: marked(name) for name in contract.records()}
    nested = {"jejak.GroundCheckRecorded": own["jejak.FamilyVariables"] + own["jejak.IndividualVariables"]}

    assert {name: found(sealed.shape_of(name)) for name in own} == own | nested
