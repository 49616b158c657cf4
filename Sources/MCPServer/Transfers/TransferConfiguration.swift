/// The limits of transfers; the hard limit of 100 MiB a file is part of the protocol.
package struct TransferConfiguration: Sendable {
    /// Where downloads wait until they are verified; a disk, not memory. Files there have no name and vanish with the
    /// program.
    package var spoolDirectory: String
    /// Transfers at a time, over all servers; more are told to come back.
    package var concurrentTransfers: Int
    /// Of these, what one user may have.
    package var concurrentTransfersPerUser: Int
    /// How long the agent may take to open its stream.
    package var attachTimeout: Duration
    /// How long a transfer may take altogether.
    package var totalTimeout: Duration
    /// Bytes of the spool's disk that are never filled.
    package var spareDiskBytes: Int
    /// `Retry-After` of those who must come back.
    package var retryAfterSeconds: Int

    package init(
        spoolDirectory: String = "/var/tmp", concurrentTransfers: Int = 32, concurrentTransfersPerUser: Int = 16,
        attachTimeout: Duration = .seconds(30), totalTimeout: Duration = .seconds(600),
        spareDiskBytes: Int = 64 << 20, retryAfterSeconds: Int = 5
    ) {
        self.spoolDirectory = spoolDirectory
        self.concurrentTransfers = concurrentTransfers
        self.concurrentTransfersPerUser = concurrentTransfersPerUser
        self.attachTimeout = attachTimeout
        self.totalTimeout = totalTimeout
        self.spareDiskBytes = spareDiskBytes
        self.retryAfterSeconds = retryAfterSeconds
    }
}
