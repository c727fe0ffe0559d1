//! Bodies of the REST API under `/api/v1`, and of `/health`.
//!
//! Names and shapes are those that the product promises; what MLS needs beyond them (key packages, groups, backup) is
//! added beside. Times in seconds since 1970 unless a field says otherwise.

mod admin;
mod auth;
mod blocks;
mod consent;
mod endpoints;
mod files;
mod groups;
mod health;
mod identity;
mod key_packages;
mod mailbox;
mod users;

pub use admin::{
    AdminDevice, AdminRequest, AdminUser, AdminUserDetail, AdminUsers, AuditEntry, AuditLog, Check, CheckStatus,
    CreateUser, CreatedUser, DoctorReport, Invite, Invited, ResetKey, Sentence, Stats, StatsHistory, StatsPoint,
};
pub use auth::{LoginRequest, LoginResponse, RedeemRequest, RefreshRequest, RefreshResponse};
pub use blocks::{BlockedUser, BlockedUsers};
pub use consent::{KeptOut, Requests};
pub use endpoints::ENDPOINTS;
pub use files::{TurnCredentials, UploadResponse};
pub use groups::{
    CommitAccepted, CreateGroup, Group, GroupDevice, GroupKind, GroupStateAt, Groups, JoinerSecrets, LeaveGroup,
    PublicGroupState, RosterName, RosterSteps, SharedWelcome, SubmitCommit, TakenCommit, UnchangedGroup,
    UnusableCommit,
};
pub use health::{Health, Problem, Readiness, Ready, ReadyChecks};
pub use identity::{
    Challenge, ChallengePurpose, ChallengeRequest, DeviceSignIn, EndReplacement, EnrolDevice, IdentityPurpose,
    IdentityReplacement, LinkReplyForDevice, OwnProfile, PublishDeviceList, PublishedDeviceList, RecoverySignIn,
    ReplaceIdentity, SetAccessKey, SetUpIdentity, StoreBackup,
};
pub use key_packages::{
    ClaimKeyPackages, ClaimMany, ClaimOf, ClaimedKeyPackages, ClaimedMany, ClaimedOf, DeviceKeyPackage,
    KeyPackageStock, PublishKeyPackages,
};
pub use mailbox::{AckRequest, PendingMessages};
pub use users::{Device, Devices, SealedIdentity, UpdateProfile, UserProfile};
