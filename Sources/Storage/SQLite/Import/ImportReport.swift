/// What became of another dashboard's data.
package struct ImportReport: Sendable, Equatable {
    /// One kind of row.
    package struct Kind: Sendable, Equatable {
        package var name: String
        package var found: Int
        package var brought: Int
    }

    /// A row that stayed behind.
    package struct Skipped: Sendable, Equatable {
        package var kind: String
        package var id: Int64
        package var reason: String
    }

    /// Rows that have no place here.
    package struct Left: Sendable, Equatable {
        package var name: String
        package var count: Int
        package var reason: String
    }

    package var kinds: [Kind] = []
    package var skipped: [Skipped] = []
    package var left: [Left] = []

    package init() {}
}

/// How secrets of another dashboard are kept here. It has them in plain text, or as a plain hash.
package struct ImportSecrets: Sendable {
    /// The hash by which a token is found, of the lower-case SHA-256 of the token.
    package var tokenHash: @Sendable (String) -> String
    /// The hash by which the owner of an agent's secret is found, and the secret sealed.
    package var agentSecret: @Sendable (String) -> (hash: String, sealed: [UInt8])

    package init(
        tokenHash: @escaping @Sendable (String) -> String,
        agentSecret: @escaping @Sendable (String) -> (hash: String, sealed: [UInt8])
    ) {
        self.tokenHash = tokenHash
        self.agentSecret = agentSecret
    }
}

/// The days of monitors, which begin when it is midnight where the gateway is.
package struct ImportCalendar: Sendable {
    /// Unix seconds.
    package var now: Int64
    /// When the day of an instant began, both Unix seconds.
    package var startOfDay: @Sendable (Int64) -> Int64

    package init(now: Int64, startOfDay: @escaping @Sendable (Int64) -> Int64) {
        self.now = now
        self.startOfDay = startOfDay
    }
}

package enum ImportError: Error, Sendable, Equatable {
    /// The file is no database of such a dashboard.
    case notADashboard(path: String)
    /// The file cannot be read as it is: the dashboard runs, or was not ended properly.
    case notAtRest(path: String)
    /// There are users or servers here already.
    case notEmpty
}
