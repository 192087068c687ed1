-- The two roles that vend logs in with. Run it as a superuser; psql asks for both passwords:
--   psql -f examples/postgres/roles.sql
\prompt 'Password for vend: ' admin
\prompt 'Password for vend_ro: ' ro
CREATE ROLE vend LOGIN CREATEDB CREATEROLE PASSWORD :'admin';
CREATE ROLE vend_ro LOGIN PASSWORD :'ro';
