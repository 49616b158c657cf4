/// What a server has transferred in one hour (`engines.md` 1). Written by the engine alone; owner 0.
package struct TrafficHourForm: Form {
    package static let table = "traffic_hours"

    package var serverID: Int64 = 0
    /// When the hour began, Unix seconds.
    package var hour: Int64 = 0
    package var bytesIn: Int64 = 0
    package var bytesOut: Int64 = 0

    package init() {}

    package init(serverID: Int64, hour: Int64, bytesIn: Int64, bytesOut: Int64) {
        self.serverID = serverID
        self.hour = hour
        self.bytesIn = bytesIn
        self.bytesOut = bytesOut
    }

    private enum CodingKeys: String, CodingKey {
        case serverID = "server_id"
        case hour
        case bytesIn = "bytes_in"
        case bytesOut = "bytes_out"
    }
}
