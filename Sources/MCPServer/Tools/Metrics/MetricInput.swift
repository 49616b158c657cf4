/// The arguments of `server.metrics` and `server.metrics_history`: one server, and one of its metrics over a period.
package struct MetricInput: Decodable, Sendable {
    package var serverID: Int64
    package var metric: String?
    package var period: String?

    private enum CodingKeys: String, CodingKey {
        case serverID = "server_id"
        case metric
        case period
    }
}
