import AgentLink
import Primitives

/// Temperatures and graphics processors, from `/sys` and `/proc`.
enum Sensors {
    /// The hwmon sensors; the thermal zones where a machine has none of those.
    static func temperatures(_ reader: some SystemReader) -> [HostState.Temperature] {
        var found: [HostState.Temperature] = []
        for device in reader.names(in: hwmon).sorted() {
            let folder = "\(hwmon)/\(device)"
            let chip = word(reader.text(folder + "/name")) ?? device
            for file in reader.names(in: folder).sorted() where file.hasPrefix("temp") && file.hasSuffix("_input") {
                guard let celsius = celsius(reader.text("\(folder)/\(file)")) else { continue }
                let label = word(reader.text("\(folder)/\(file.dropLast("_input".count))_label"))
                found.append(.init(name: label.map { "\(chip)_\($0)" } ?? chip, celsius: celsius))
            }
        }
        if found.isEmpty { found = zones(reader) }
        return found.sorted { $0.name < $1.name }
    }

    private static let hwmon = "/sys/class/hwmon"
    private static let thermal = "/sys/class/thermal"

    private static func zones(_ reader: some SystemReader) -> [HostState.Temperature] {
        reader.names(in: thermal).filter { $0.hasPrefix("thermal_zone") }.sorted().compactMap { zone in
            celsius(reader.text("\(thermal)/\(zone)/temp")).map {
                .init(name: word(reader.text("\(thermal)/\(zone)/type")) ?? zone, celsius: $0)
            }
        }
    }

    /// The kernel writes thousandths of a degree; what is not above zero is a sensor without a probe.
    private static func celsius(_ text: String?) -> Double? {
        guard let word = text?.words.first, let value = Double(word), value > 0,
            value < 1_000_000
        else { return nil }
        return value / 1000
    }

    private static func word(_ text: String?) -> String? {
        guard let line = text?.lines.first, !line.isEmpty else { return nil }
        return line.lowercased().words.joined(separator: "_")
    }

    /// Names, as far as a driver tells them without a tool of its maker.
    static func graphics(_ reader: some SystemReader) -> [String] {
        let folder = "/proc/driver/nvidia/gpus"
        let nvidia = reader.names(in: folder).sorted().compactMap { device -> String? in
            let lines = reader.text("\(folder)/\(device)/information")?.lines ?? []
            return lines.lazy.compactMap { $0.after("Model:") }.first.map { String($0.trimmingBlanks()) }
        }
        return nvidia + busyCards(reader).map { "AMD GPU \($0.card)" }
    }

    /// Percent, where a driver tells it.
    static func graphicsLoad(_ reader: some SystemReader) -> [Double] {
        busyCards(reader).map(\.percent)
    }

    private static func busyCards(_ reader: some SystemReader) -> [(card: String, percent: Double)] {
        reader.names(in: "/sys/class/drm").filter { $0.hasPrefix("card") && !$0.contains("-") }.sorted()
            .compactMap { card in
                reader.text("/sys/class/drm/\(card)/device/gpu_busy_percent")?
                    .words.first.flatMap { Double($0) }.map { (card, $0) }
            }
    }
}
