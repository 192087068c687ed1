//! What can be asked of vend, and which call of the API asks it.

use std::fmt;

macro_rules! actions {
    ($($variant:ident = $text:literal: $($method:literal)|+;)+) => {
        /// One permission. Recorded in the audit log under its text.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Action {
            $($variant,)+
        }

        impl Action {
            pub const ALL: &'static [Action] = &[$(Action::$variant),+];

            pub fn as_str(self) -> &'static str {
                match self {
                    $(Action::$variant => $text,)+
                }
            }

            /// What the gRPC call at `path` (`/vend.v1.OrderService/ApplyOrder`) asks. A call that is not listed is refused.
            pub fn of_method(path: &str) -> Option<Self> {
                match path.strip_prefix("/vend.v1.")? {
                    $($($method)|+ => Some(Action::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

actions! {
    OrdersPlan = "orders.plan": "OrderService/PlanOrder";
    OrdersApply = "orders.apply": "OrderService/ApplyOrder";
    OrdersUpgrade = "orders.upgrade": "OrderService/UpgradeOrder";
    OrdersGet = "orders.get": "OrderService/GetOrder" | "OrderService/ListOrderGenerations" | "OrderService/GetOrderGeneration";
    OrdersList = "orders.list": "OrderService/ListOrders";
    OrdersDelete = "orders.delete": "OrderService/DeleteOrder";
    OrdersPause = "orders.pause": "OrderService/PauseOrder";
    OrdersResume = "orders.resume": "OrderService/ResumeOrder";
    ResourcesGet = "resources.get": "ResourceService/GetResource";
    ResourcesList = "resources.list": "ResourceService/ListResources";
    ResourcesRefresh = "resources.refresh": "ResourceService/RefreshResource";
    ResourcesDiscover = "resources.discover": "ResourceService/DiscoverObjects";
    ResourcesRelease = "resources.release": "ResourceService/ReleaseResource";
    ResourcesOutputs = "resources.outputs": "ResourceService/GetOutputs";
    ResourcesReveal = "resources.reveal": "ResourceService/RevealOutputs";
    OperationsGet = "operations.get": "OperationService/GetOperation" | "OperationService/WaitOperation";
    OperationsList = "operations.list": "OperationService/ListOperations";
    OperationsCancel = "operations.cancel": "OperationService/CancelOperation";
    OperationsRetry = "operations.retry": "OperationService/RetryOperation";
    OperationsResolve = "operations.resolve": "OperationService/ResolveOperation";
    OperationsJournal = "operations.journal": "OperationService/GetJournal";
    Watch = "watch": "WatchService/Watch";
    DocumentsApply = "documents.apply": "DocumentService/ApplyDocuments";
    DocumentsGet = "documents.get": "DocumentService/GetDocument";
    DocumentsList = "documents.list": "DocumentService/ListDocuments";
    DocumentsDelete = "documents.delete": "DocumentService/DeleteDocument";
    DocumentsPause = "documents.pause": "DocumentService/PauseDocument";
    DocumentsResume = "documents.resume": "DocumentService/ResumeDocument";
    ConnectionsCheck = "connections.check": "DocumentService/CheckConnection";
    CatalogList = "catalog.list": "CatalogService/ListCatalogEntries";
    CatalogGet = "catalog.get": "CatalogService/GetCatalogEntry";
    CatalogMatch = "catalog.match": "CatalogService/MatchRecipe";
    DriversInstall = "drivers.install": "DriverService/InstallDriver";
    DriversList = "drivers.list": "DriverService/ListDrivers";
    DriversGet = "drivers.get": "DriverService/GetDriver";
    DriversUninstall = "drivers.uninstall": "DriverService/UninstallDriver";
    DriversPause = "drivers.pause": "DriverService/PauseDriver";
    DriversResume = "drivers.resume": "DriverService/ResumeDriver";
    SecretsSet = "secrets.set": "SecretService/SetSecret";
    SecretsList = "secrets.list": "SecretService/ListSecrets";
    AuditList = "audit.list": "AuditService/ListAuditEntries";
    BackupsCreate = "backups.create": "BackupService/CreateBackup";
    BackupsVerify = "backups.verify": "BackupService/VerifyRestored";
    SystemStatus = "system.status": "SystemService/GetStatus";
    SystemWhoAmI = "system.who-am-i": "SystemService/WhoAmI";
    SystemPause = "system.pause": "SystemService/PauseCore";
    SystemResume = "system.resume": "SystemService/ResumeCore";
}

impl Action {
    /// Doing it changes something that lasts.
    pub fn changes(self) -> bool {
        matches!(
            self,
            Action::OrdersApply
                | Action::OrdersDelete
                | Action::OrdersUpgrade
                | Action::ResourcesRelease
                | Action::OperationsCancel
                | Action::OperationsRetry
                | Action::OperationsResolve
                | Action::DocumentsApply
                | Action::DocumentsDelete
                | Action::DriversInstall
                | Action::DriversUninstall
                | Action::SecretsSet
                | Action::OrdersPause
                | Action::OrdersResume
                | Action::DocumentsPause
                | Action::DocumentsResume
                | Action::DriversPause
                | Action::DriversResume
                | Action::SystemPause
                | Action::SystemResume
        )
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
