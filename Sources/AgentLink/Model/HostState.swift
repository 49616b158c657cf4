/// One measurement of a machine (`agent-link.md` 1, message `State`; JSON names of `rest.md` 4).
///
/// `cpu` and `gpu` are percent, sizes bytes, speeds bytes a second, `uptime` seconds, transfers bytes since boot.
package struct HostState: Sendable, Hashable {
    package struct Temperature: Sendable, Hashable {
        package var name: String
        /// Degrees Celsius.
        package var celsius: Double

        package init(name: String, celsius: Double) {
            self.name = name
            self.celsius = celsius
        }
    }

    package var cpu: Double = 0
    package var memUsed: UInt64 = 0
    package var swapUsed: UInt64 = 0
    package var diskUsed: UInt64 = 0
    package var netInTransfer: UInt64 = 0
    package var netOutTransfer: UInt64 = 0
    package var netInSpeed: UInt64 = 0
    package var netOutSpeed: UInt64 = 0
    package var uptime: UInt64 = 0
    package var load1: Double = 0
    package var load5: Double = 0
    package var load15: Double = 0
    package var tcpConnCount: UInt64 = 0
    package var udpConnCount: UInt64 = 0
    package var processCount: UInt64 = 0
    package var temperatures: [Temperature] = []
    package var gpu: [Double] = []

    package init() {}
}
