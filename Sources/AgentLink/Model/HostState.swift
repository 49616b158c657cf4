/// One measurement of a machine (`agent-link.md` 1, message `State`; JSON names of `rest.md` 4).
///
/// `cpu` and `gpu` are percent, sizes bytes, speeds bytes a second, `uptime` seconds, transfers bytes since boot.
public struct HostState: Sendable, Hashable {
    public struct Temperature: Sendable, Hashable {
        public var name: String
        /// Degrees Celsius.
        public var celsius: Double

        public init(name: String, celsius: Double) {
            self.name = name
            self.celsius = celsius
        }
    }

    public var cpu: Double = 0
    public var memUsed: UInt64 = 0
    public var swapUsed: UInt64 = 0
    public var diskUsed: UInt64 = 0
    public var netInTransfer: UInt64 = 0
    public var netOutTransfer: UInt64 = 0
    public var netInSpeed: UInt64 = 0
    public var netOutSpeed: UInt64 = 0
    public var uptime: UInt64 = 0
    public var load1: Double = 0
    public var load5: Double = 0
    public var load15: Double = 0
    public var tcpConnCount: UInt64 = 0
    public var udpConnCount: UInt64 = 0
    public var processCount: UInt64 = 0
    public var temperatures: [Temperature] = []
    public var gpu: [Double] = []

    public init() {}
}
