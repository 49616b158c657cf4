/// What a monitor has seen on one day (`engines.md` 3). Written by the engine alone; owner 0.
package struct ServiceDayForm: Form {
    package static let table = "service_days"

    package var serviceID: Int64 = 0
    /// When the day began, Unix seconds.
    package var day: Int64 = 0
    package var up: Int64 = 0
    package var down: Int64 = 0
    /// Mean of the successes, milliseconds.
    package var delay = 0.0
    /// The results by which the monitor's status is judged, the oldest first, as of the last time this row was written.
    package var recent: [Result] = []

    /// One result, without what it took.
    package struct Result: Codable, Sendable, Hashable {
        /// Unix seconds.
        package var at: Double
        package var up: Bool

        package init(at: Double, up: Bool) {
            self.at = at
            self.up = up
        }
    }

    package init() {}

    package init(serviceID: Int64, day: Int64, up: Int64, down: Int64, delay: Double, recent: [Result] = []) {
        self.serviceID = serviceID
        self.day = day
        self.up = up
        self.down = down
        self.delay = delay
        self.recent = recent
    }

    private enum CodingKeys: String, CodingKey {
        case serviceID = "service_id"
        case day
        case up
        case down
        case delay
        case recent
    }
}
