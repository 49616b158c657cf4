import Primitives

/// The processors, from `/proc/cpuinfo`.
struct Processors: Sendable, Equatable {
    /// Model and number of logical processors, in the order of the file.
    var models: [(name: String, count: Int)] = []
    /// Whether the processor says that it runs under a hypervisor.
    var isVirtual = false

    static func == (left: Processors, right: Processors) -> Bool {
        left.isVirtual == right.isVirtual && left.models.map(\.name) == right.models.map(\.name)
            && left.models.map(\.count) == right.models.map(\.count)
    }

    /// - Parameter architecture: the name for processors that do not say theirs (most of ARM).
    init(cpuinfo: String, architecture: String) {
        var names: [String] = []
        var count = 0
        var common = ""
        for line in cpuinfo.lines {
            guard let (front, back) = line.halves(at: UInt8(ascii: ":")), !back.isEmpty else { continue }
            let value = String(back.trimmingBlanks())
            switch String(front.trimmingBlanks()) {
            case "processor": count += 1
            case "model name", "cpu model", "cpu": names.append(value)
            case "Hardware", "Model", "Processor": common = value
            case "flags", "Features": isVirtual = isVirtual || value.words.contains("hypervisor")
            default: break
            }
        }
        let silent = max(0, max(count, 1) - names.count)
        names += Array(repeating: common.isEmpty ? architecture : common, count: silent)
        for name in names {
            if let index = models.firstIndex(where: { $0.name == name }) {
                models[index].count += 1
            } else {
                models.append((name, 1))
            }
        }
    }

    /// As pages in the field expect it: `Model 4 Physical Core`.
    func descriptions(isGuest: Bool) -> [String] {
        models.map { "\($0.name) \($0.count) \(isGuest ? "Virtual" : "Physical") Core" }
    }
}
