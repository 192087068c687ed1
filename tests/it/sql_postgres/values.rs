//! Values in both directions, compared with what the server itself shows.

use super::*;

/// As the server would show it.
fn shown(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => return None,
        Value::Boolean(value) => if *value { "t" } else { "f" }.to_owned(),
        Value::Integer(value) => value.to_string(),
        Value::Double(value) if value.is_infinite() => if *value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned(),
        Value::Double(value) => value.to_string(),
        Value::Bytes(bytes) => format!("\\x{}", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()),
        Value::Text(text) => text.clone(),
    })
}

#[tokio::test]
async fn types_are_read_as_the_server_shows_them() {
    let place = Place::new("typing").await;
    place
        .admin
        .batch_execute("create type mood as enum ('sad', 'very happy'); create domain small as int check (value < 10); create domain name2 as text")
        .await
        .expect("types");
    let postgres = place.open();
    for expression in [
        "true",
        "false",
        "null::int",
        "1::int2",
        "(-32768)::int2",
        "2147483647",
        "(-9223372036854775808)::int8",
        "4294967295::oid",
        "1.5::float4",
        "0.1::float4",
        "1.1e30::float4",
        "0.1::float8",
        "1e22::float8",
        "'Infinity'::float8",
        "'-Infinity'::float8",
        "'NaN'::float8",
        "'text'::text",
        "'é 💥'::varchar",
        "'ab '::char(5)::text",
        "'name'::name",
        "'x'::\"char\"",
        "'unknown'",
        "''::\"char\"",
        "'\\x00ff'::bytea",
        "''::bytea",
        "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid",
        "'{\"a\": [1, null]}'::json",
        "'{\"a\":   [1, null]}'::jsonb",
        "'$.a[*]'::jsonpath",
        "0::numeric",
        "1.50::numeric",
        "-0.00001::numeric",
        "1e30::numeric",
        "1e-30::numeric",
        "123456789012345678901234567890.123456789::numeric",
        "10000::numeric",
        "9999.9999::numeric",
        "'NaN'::numeric",
        "'Infinity'::numeric",
        "'-Infinity'::numeric",
        "0.10::numeric(10, 5)",
        "'2024-02-29'::date",
        "'0001-01-01'::date",
        "'0044-03-15 BC'::date",
        "'4713-01-01 BC'::date",
        "'5874897-12-31'::date",
        "'infinity'::date",
        "'-infinity'::date",
        "'2024-02-29 12:34:56.789'::timestamp",
        "'2024-02-29 12:34:56.000001+02'::timestamptz",
        "'1999-12-31 23:59:59.999999'::timestamp",
        "'0044-03-15 01:00:00 BC'::timestamp",
        "'294276-12-31 00:00:00'::timestamp",
        "'infinity'::timestamptz",
        "'-infinity'::timestamp",
        "'23:59:59.5'::time",
        "'24:00:00'::time",
        "'00:00:00'::time",
        "'10.0.0.1'::inet",
        "'10.0.0.1/8'::inet",
        "'10.0.0.0/8'::cidr",
        "'10.0.0.1/32'::cidr",
        "'::1'::inet",
        "'2001:db8::/32'::cidr",
        "'::ffff:1.2.3.4'::inet",
        "'08:00:2b:01:02:03'::macaddr",
        "'08:00:2b:01:02:03:04:05'::macaddr8",
        "'16/B374D848'::pg_lsn",
        "'0/0'::pg_lsn",
        "array[1, null, 3]",
        "array['a', 'b c', null, '', 'null', 'q\"\\', '{}', 'a,b', E'tab\\t']",
        "'{}'::text[]",
        "'{{1,2},{3,4}}'::int[]",
        "'[2:3]={5,6}'::int[]",
        "'[0:0][3:4]={{5,6}}'::int8[]",
        "array[true, false]",
        "array['\\x00ff'::bytea]",
        "array[1.50, 'NaN']::numeric[]",
        "array[0.1, 1e15, 1e14, 0.0001, 0.00001, -1.5e-300, 'NaN', 'Infinity', 1, 0]::float8[]",
        "array[0.1, 1e6, 100000, 1.5e8]::float4[]",
        "array['2024-01-01'::date]",
        "array['2024-01-01 00:00'::timestamptz]",
        "array['{\"a\": 1}'::jsonb]",
        "array['x'::name, 'y z']",
        "'1 2 3'::int2vector",
        "'26 27'::oidvector",
        "''::int2vector",
        "array[1, 2]::oid[]",
        "array['10.0.0.1'::inet]",
        "'very happy'::mood",
        "array['sad', 'very happy']::mood[]",
        "3::small",
        "'x'::name2",
        "array[1, 2]::small[]",
        "pg_backend_pid() > 0",
        "'7'::xid",
    ] {
        // By the type's output function; a cast to text shows some types (inet) in another way.
        let sql = format!(
            "select v, case when v is null then null else format('%s', v) end from (select {expression}) as x (v)"
        );
        let rows =
            postgres.query(Some("typing"), &plain(&sql)).await.unwrap_or_else(|error| panic!("{expression}: {error}"));
        let [value, expected] = rows.rows[0].as_slice() else { panic!("{rows:?}") };
        let (value, expected) = (shown(value), shown(expected));
        let same_number = || Some(value.as_ref()?.parse::<f64>().ok()? == expected.as_ref()?.parse::<f64>().ok()?);
        assert!(
            value == expected || expression.contains("float") && same_number() == Some(true),
            "{expression}: {value:?}, {expected:?}"
        );
    }
}

#[tokio::test]
async fn a_type_that_only_the_server_can_show_is_refused_by_name() {
    let place = Place::new("unreadable").await;
    let postgres = place.open();
    for expression in [
        "interval '1 day'",
        "'{}'::aclitem[]",
        "point(1, 2)",
        "row(1, 2)",
        "'pg_class'::regclass",
        "int4range(1, 2)",
        "array[interval '1 day']",
        "'12:00+02'::timetz",
    ] {
        let error = postgres
            .query(None, &plain(&format!("select 1 as fine, {expression} as odd")))
            .await
            .expect_err(expression);
        assert_error(&error, ErrorKind::Unsupported, "TYPE_UNSUPPORTED");
        assert!(error.message.contains("`odd`") && error.message.contains("odd::text"), "{error}");
    }
    assert_eq!(only(postgres.query(None, &plain("select interval '1 day'::text")).await.expect("cast")), text("1 day"));
}

#[tokio::test]
async fn parameters_are_cast_by_the_server() {
    let place = Place::new("binding").await;
    let postgres = place.open();
    for (sql, param, expected) in [
        ("select $1::int", Value::Integer(7), Value::Integer(7)),
        ("select $1::int", text("7"), Value::Integer(7)),
        ("select $1::int2", Value::Integer(7), Value::Integer(7)),
        ("select $1::text", Value::Integer(7), text("7")),
        ("select $1", text("plain"), text("plain")),
        ("select $1::numeric", Value::Double(1.25), text("1.25")),
        ("select $1::float8", Value::Double(f64::INFINITY), Value::Double(f64::INFINITY)),
        ("select $1::float8", Value::Double(1e300), Value::Double(1e300)),
        ("select $1::bool", Value::Boolean(true), Value::Boolean(true)),
        ("select $1::bytea", Value::Bytes(vec![0, 255]), Value::Bytes(vec![0, 255])),
        ("select $1::jsonb", text("{\"a\":1}"), text("{\"a\": 1}")),
        ("select $1::timestamptz", text("2024-01-01 02:00+02"), text("2024-01-01 00:00:00+00")),
        ("select $1::text[]", text("{a,b c}"), text("{a,\"b c\"}")),
        ("select $1::int", Value::Null, Value::Null),
        ("select note from t where id = $1", Value::Integer(1), text("one")),
        ("select $1::text", text("it's; drop table t; --"), text("it's; drop table t; --")),
    ] {
        let rows = postgres.query(Some("binding"), &with(sql, std::slice::from_ref(&param))).await;
        assert_eq!(only(rows.unwrap_or_else(|error| panic!("{sql} {param:?}: {error}"))), expected, "{sql} {param:?}");
    }
    for (sql, params, code) in [
        ("select $1::int", vec![text("x")], "22P02"),
        ("select $1::int, $2::int", vec![Value::Null], "PARAMETER_INVALID"),
        ("select 1", vec![Value::Null], "PARAMETER_INVALID"),
        ("select $1::text", vec![Value::Bytes(vec![1])], "PARAMETER_INVALID"),
        ("select $1", vec![text("a\0b")], "PARAMETER_INVALID"),
    ] {
        let error = postgres.query(None, &with(sql, &params)).await.expect_err(sql);
        assert_error(&error, ErrorKind::InvalidInput, code);
    }
}
