using System.Diagnostics;

namespace Criu.Soccr.Benchmarks;

/// <summary>
/// All contenders side by side, each with its own connections, one round of each after the other in an order that is drawn anew: what else the machine does hits them alike.
/// For ratios on a busy machine, where the tables of BenchmarkDotNet, which measures one contender after the other, tell more of the machine.
/// </summary>
internal static class InTurns
{
    private const int Warmups = 8;                      // rounds: until the code is compiled well

    /// <param name="rounds">How often each takes its turn.</param>
    /// <param name="count">Connections.</param>
    /// <param name="names">Who takes part: those with one of these words in their names. None: all.</param>
    public static int Run(int rounds, int count, string[] names)
    {
        foreach (int bytes in (int[])[0, 4096])
            Run(rounds, count, names, bytes);
        return 0;
    }

    private static void Run(int rounds, int count, string[] names, int bytes)
    {
        using var connections = new Connections(count, bytes);
        using var reference = Reference.IsThere ? new Reference(count, bytes) : null;
        List<(string Name, Action Round, List<double> Seconds)> contenders = [];
        if (reference != null)
            contenders.Add(("libsoccr", reference.Round, []));
        foreach (var (name, options, workers) in Ways.Each.Where(w => names.Length == 0 || names.Any(w.Name.Contains)))
            contenders.Add((name, () => connections.Round(options, workers), []));
        for (int round = -Warmups; round < rounds; round++)
            foreach (int i in Enumerable.Range(0, contenders.Count).OrderBy(_ => Random.Shared.Next()))
            {
                var watch = Stopwatch.StartNew();
                contenders[i].Round();
                if (round >= 0)
                    contenders[i].Seconds.Add(watch.Elapsed.TotalSeconds);
            }
        Console.WriteLine($"{count} connections, {bytes} bytes in each direction, {rounds} rounds");
        double first = Median(contenders[0].Seconds);
        foreach (var (name, _, seconds) in contenders)
            Console.WriteLine($"  {name,-40} {count / Median(seconds),8:F0}/s (best {count / seconds.Min(),8:F0})  rate as {first / Median(seconds):F2} of {contenders[0].Name}");
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
}
