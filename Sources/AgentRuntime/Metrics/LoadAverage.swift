/// From `/proc/loadavg`.
struct LoadAverage: Sendable, Equatable {
    var one: Double = 0
    var five: Double = 0
    var fifteen: Double = 0

    init(loadavg: String) {
        let values = loadavg.words.prefix(3).compactMap { Double($0) }
        guard values.count == 3 else { return }
        (one, five, fifteen) = (values[0], values[1], values[2])
    }
}
