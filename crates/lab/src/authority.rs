use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::thread::Builder;
use std::time::{Duration, SystemTime};

use ground::address::DOMAIN;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_RSA_SHA256, RsaKeySize, SanType,
};

use crate::error::LabError;
use crate::files::write_private;

const DAY: Duration = Duration::from_secs(24 * 3600);
/// Clocks of other pods may be a little behind.
const SKEW: Duration = Duration::from_secs(120);

/// The identities of a run, from a throw-away certificate authority: RSA-2048, self-signed, as istiod makes for itself.
/// The authority's key is forgotten as soon as every account has its certificate.
#[derive(Default)]
pub(crate) struct Identities {
    /// The authority's own certificate, in PEM.
    pub authority_pem: String,
    leaves: HashMap<String, Identity>,
}

/// A workload's certificate and key.
pub(crate) struct Identity {
    /// The certificate, in PEM.
    pub certificate_pem: String,
    /// Private key: PKCS #8, in PEM.
    pub key_pem: String,
}

impl Identities {
    /// Makes an authority and a leaf like istiod's for each account: RSA-2048, empty subject, the SPIFFE id as URI name,
    /// for servers and clients, valid for a day. Key generation takes its time, so all are made at once.
    pub fn make(accounts: &[String]) -> Result<Identities, LabError> {
        let (issuer, authority_pem) = authority().map_err(failed("the authority"))?;
        let leaves = std::thread::scope(|scope| {
            let issuer = &issuer;
            let start = |account| Builder::new().spawn_scoped(scope, move || leaf(issuer, account));
            let made: Vec<_> = accounts.iter().map(|account| (account, start(account))).collect();
            let end = made.into_iter().map(|(account, made)| match made {
                Ok(made) => made.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                // Where no thread is to be had, one after the other.
                Err(_) => leaf(issuer, account),
            });
            end.collect::<Vec<_>>()
        });
        let named = accounts.iter().zip(leaves);
        let leaves = named.map(|(account, leaf)| Ok((account.clone(), leaf.map_err(failed(account))?)));
        Ok(Identities { authority_pem, leaves: leaves.collect::<Result<_, LabError>>()? })
    }

    /// Writes the identity of an account to `folder`, for `owner` alone: its certificate and the
    /// authority's behind it, its key, and the authority's alone.
    pub fn write(&self, account: &str, folder: &Path, owner: u32) -> io::Result<()> {
        let identity = self.of(account);
        // As istiod's: the peer gets the root along with the leaf, though it has it.
        let chain = format!("{}{}", identity.certificate_pem, self.authority_pem);
        write_private(&folder.join("certificate.pem"), &chain, owner)?;
        write_private(&folder.join("key.pem"), &identity.key_pem, owner)?;
        write_private(&folder.join("authority.pem"), &self.authority_pem, owner)
    }

    /// The identity of an account.
    pub fn of(&self, account: &str) -> &Identity {
        self.leaves.get(account).expect("every account of the topology was given an identity")
    }
}

fn failed(account: &str) -> impl FnOnce(rcgen::Error) -> LabError {
    let account = account.to_owned();
    move |source| LabError::Certificate { account, source }
}

fn authority() -> Result<(Issuer<'static, KeyPair>, String), rcgen::Error> {
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?;
    let mut params = valid_for_a_day();
    params.distinguished_name.push(DnType::OrganizationName, DOMAIN);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let certificate_pem = params.self_signed(&key)?.pem();
    Ok((Issuer::new(params, key), certificate_pem))
}

fn leaf(issuer: &Issuer<'_, KeyPair>, account: &str) -> Result<Identity, rcgen::Error> {
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?;
    let mut params = valid_for_a_day();
    params.subject_alt_names = vec![SanType::URI(plane::spiffe(account).try_into()?)];
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let certificate_pem = params.signed_by(&key, issuer)?.pem();
    Ok(Identity { certificate_pem, key_pem: key.serialize_pem() })
}

fn valid_for_a_day() -> CertificateParams {
    let mut params = CertificateParams::default();
    let now = SystemTime::now();
    params.not_before = (now - SKEW).into();
    params.not_after = (now + DAY).into();
    params.distinguished_name = DistinguishedName::new();
    params
}
