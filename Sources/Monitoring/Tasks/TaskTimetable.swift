import TimeZones

/// When each scheduled task is due next. Pure: instants are brought along, Unix seconds.
///
/// A clock that is set back runs nothing twice: what was due stays behind, and what comes next waits for its time. After a
/// clock that is set forward, or a pause of the machine, a task that was due once or more runs once.
struct TaskTimetable: Sendable {
    private struct Entry {
        var text: String
        var schedule: Schedule
        var next: Int64?
    }

    private let zone: Zone
    private var entries: [Int64: Entry] = [:]

    init(zone: Zone) { self.zone = zone }

    /// Puts a task in, or leaves its place alone when its schedule is what it was.
    /// - Throws: ``ScheduleError``; the task is out then.
    mutating func set(_ id: Int64, _ text: String, at now: Int64) throws(ScheduleError) {
        if let entry = entries[id], entry.text.utf8.elementsEqual(text.utf8) { return }
        entries[id] = nil
        let schedule = try Schedule(text)
        entries[id] = Entry(text: text, schedule: schedule, next: schedule.next(after: now, in: zone))
    }

    mutating func remove(_ id: Int64) { entries[id] = nil }

    /// The tasks that are due, by id; each waits for its next time from then on.
    mutating func due(at now: Int64) -> [Int64] {
        var due: [Int64] = []
        for (id, entry) in entries {
            guard let next = entry.next, next <= now else { continue }
            due.append(id)
            entries[id]?.next = entry.schedule.next(after: now, in: zone)
        }
        return due.sorted()
    }
}
