//! AWS Signature Version 4 over a request as it is sent, its body included.

use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode,
    sign as sign_request,
};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tracing::subscriber::{NoSubscriber, with_default};

use crate::capability::settings::Signature;
use crate::domain::contract::{Error, ErrorKind};
use crate::domain::time::Timestamp;

pub(super) fn sign(
    signature: &Signature,
    request: &mut Request<Full<Bytes>>,
    url: &str,
    body: &[u8],
    now: Timestamp,
) -> Result<(), Error> {
    let failed = |error: &dyn std::fmt::Display| {
        tracing::warn!(%error, "cannot sign a request");
        Error::new(ErrorKind::Internal, "CANNOT_SIGN", "the request cannot be signed")
    };
    let identity = Credentials::new(
        &signature.access_key_id,
        signature.secret_access_key.reveal(),
        signature.session_token.as_ref().map(|token| token.reveal().to_owned()),
        None,
        "vend",
    )
    .into();
    let mut settings = SigningSettings::default();
    if signature.service == "s3" {
        // S3 signs the path as it is, and wants to be told the body's digest.
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(&signature.region)
        .name(&signature.service)
        .time(UNIX_EPOCH + Duration::from_millis(now.ms()))
        .settings(settings)
        .build()
        .map_err(|error| failed(&error))?
        .into();
    let headers = request.headers().iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let signable = SignableRequest::new(request.method().as_str(), url, headers, SignableBody::Bytes(body))
        .map_err(|error| failed(&error))?;
    // At its most talkative the library tells all headers and the query, secrets included.
    let signed = with_default(NoSubscriber::new(), || sign_request(signable, &params));
    let (instructions, _) = signed.map_err(|error| failed(&error))?.into_parts();
    instructions.apply_to_request_http1x(request);
    Ok(())
}
