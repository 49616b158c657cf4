/// The methods of `proto.NezhaService` (`agent-link.md` 1).
package enum NezhaMethod: String, Sendable, CaseIterable {
    case reportSystemState = "ReportSystemState"
    /// The old form of the host report.
    case reportSystemInfo = "ReportSystemInfo"
    case reportSystemInfo2 = "ReportSystemInfo2"
    case reportGeoIP = "ReportGeoIP"
    case requestTask = "RequestTask"
    case ioStream = "IOStream"

    private static let service = "/proto.NezhaService/"

    /// As in a request: `/proto.NezhaService/RequestTask`.
    package var path: String { Self.service + rawValue }

    /// - Parameter path: as a client sent it; compared byte for byte.
    init?(path: String) {
        guard path.utf8.count <= 64, let method = Self.allCases.first(where: { $0.path.utf8.elementsEqual(path.utf8) })
        else { return nil }
        self = method
    }
}
