/// What an agent says of the machine it runs on (`agent-link.md` 1, message `Host`; JSON names of `rest.md` 4).
///
/// Sizes are bytes, `bootTime` is Unix seconds. Encoding leaves out what is empty or zero.
package struct HostInfo: Sendable, Hashable {
    package var platform: String
    package var platformVersion: String
    package var cpu: [String]
    package var memTotal: UInt64
    package var diskTotal: UInt64
    package var swapTotal: UInt64
    package var arch: String
    package var virtualization: String
    package var bootTime: UInt64
    /// The agent's own version, with or without a leading `v`.
    package var version: String
    package var gpu: [String]

    package init(
        platform: String = "", platformVersion: String = "", cpu: [String] = [], memTotal: UInt64 = 0,
        diskTotal: UInt64 = 0, swapTotal: UInt64 = 0, arch: String = "", virtualization: String = "",
        bootTime: UInt64 = 0, version: String = "", gpu: [String] = []
    ) {
        self.platform = platform
        self.platformVersion = platformVersion
        self.cpu = cpu
        self.memTotal = memTotal
        self.diskTotal = diskTotal
        self.swapTotal = swapTotal
        self.arch = arch
        self.virtualization = virtualization
        self.bootTime = bootTime
        self.version = version
        self.gpu = gpu
    }
}
